import type { BuildFailure } from 'esbuild'

const MOST_TOLD = 10

/** All complaints, each with the place in the author's source; columns are counted from 1, as in stack traces. */
export function describeBuildFailure(failure: BuildFailure, fallback: string, placeOf: (file: string) => string): string {
  const errors = failure.errors ?? []
  if (errors.length === 0) return `${fallback}:1:1: it does not compile: ${failure.message}`
  const told = errors.slice(0, MOST_TOLD).map(({ location, text }) => {
    const place = location ? `${placeOf(location.file)}:${location.line}:${location.column + 1}` : `${fallback}:1:1`
    return `${place}: ${text}`
  })
  const more = errors.length - told.length
  return `${told.join('; ')}${more > 0 ? ` (and ${more} more)` : ''}`
}
