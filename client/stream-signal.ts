import type { Readable, Writable } from 'node:stream'
import { cancelledError } from './waiting.ts'

/** Destroys the stream when the caller's signal fires. */
export function abortWith(stream: Readable | Writable, signal: AbortSignal | undefined): void {
  if (!signal) return
  const onAbort = (): void => {
    stream.destroy(cancelledError('the stream', signal))
  }
  if (signal.aborted) {
    queueMicrotask(onAbort)
    return
  }
  signal.addEventListener('abort', onAbort, { once: true })
  stream.once('close', () => signal.removeEventListener('abort', onAbort))
}
