import process from 'node:process'

const cleanups = new Set<() => void>()
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
let isWatching = false

/**
 * Has something done when this process ends, also where a signal ends it. Servers, workers and peers hear by their channel that it has
 * gone, and end by themselves: this is for what knows nothing of it.
 * @returns what calls it off
 */
export function atEnd(cleanup: () => void): () => void {
  if (!isWatching) watch()
  isWatching = true
  cleanups.add(cleanup)
  return () => void cleanups.delete(cleanup)
}

function watch(): void {
  process.on('exit', cleanUp)
  for (const signal of SIGNALS) {
    process.once(signal, () => {
      cleanUp()
      // Nobody listens any more, so it ends this process as it would have done.
      process.kill(process.pid, signal)
    })
  }
}

function cleanUp(): void {
  for (const cleanup of cleanups) cleanup()
  cleanups.clear()
}
