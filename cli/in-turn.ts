import { GliderError } from '../client/index.ts'

/**
 * Does something with one after another. Where one fails, what was done before it stays, and the user is told how far that is.
 * @param done as in "2 of 3 are made"
 */
export async function inTurn(paths: readonly string[], done: string, act: (path: string) => Promise<void>): Promise<void> {
  for (const [at, path] of paths.entries()) {
    await act(path).catch((error: unknown) => {
      throw at === 0
        ? error
        : afterOthers(error, `${at} of ${paths.length} ${at === 1 ? 'is' : 'are'} ${done}, up to ${paths[at - 1]}`)
    })
  }
}

function afterOthers(error: unknown, what: string): unknown {
  if (!(error instanceof GliderError)) return error
  const { code, message, outcome, operation } = error
  return new GliderError(code, `${what}; then ${message}`, { cause: error, ...(outcome && { outcome }), operation })
}
