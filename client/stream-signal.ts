import type { Readable, Writable } from 'node:stream'
import { cancelledError } from './waiting.ts'

/** Ends `_construct`. One who was destroyed meanwhile has its error already: a second one would hide it in an AggregateError. */
export function opened(stream: Readable | Writable, opening: Promise<void>, done: (error?: Error | null) => void): void {
  opening.then(
    () => done(),
    (error: Error) => done(stream.destroyed ? null : error),
  )
}

/** Destroys the stream when the caller's signal fires, and ends what it has under way. */
export function abortWith(stream: Readable | Writable, signal: AbortSignal | undefined, work?: AbortController): void {
  if (!signal) return
  const onAbort = (): void => {
    const error = cancelledError('the stream', signal)
    stream.destroy(error)
    // A stream that is still opening is not destroyed before that is over.
    work?.abort(error)
  }
  if (signal.aborted) {
    queueMicrotask(onAbort)
    return
  }
  signal.addEventListener('abort', onAbort, { once: true })
  stream.once('close', () => signal.removeEventListener('abort', onAbort))
}
