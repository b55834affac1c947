import { setMaxListeners } from 'node:events'
import type { CallOptions } from '../actions/store.ts'
import type { Clock } from '../protocol/clock.ts'
import { GliderError } from '../protocol/errors.ts'

export function cancelledError(what: string, signal: AbortSignal): GliderError {
  return new GliderError('CANCELLED', `${what} was cancelled by its own signal`, { cause: signal.reason })
}

/** @throws GliderError CANCELLED */
export function throwIfCancelled(what: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelledError(what, signal)
}

/** Waits for `promise`, but no longer than until the signal fires; what is waited for goes on by itself. */
export function unlessCancelled<T>(promise: Promise<T>, what: string, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  if (signal.aborted) return Promise.reject(cancelledError(what, signal))
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(cancelledError(what, signal))
    signal.addEventListener('abort', onAbort)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** Waits for `promise`, but no longer than `timeoutMs`; what is waited for goes on by itself. */
export function unlessLate<T>(promise: Promise<T>, clock: Clock, timeoutMs: number | undefined, what: string): Promise<T> {
  if (timeoutMs === undefined || timeoutMs === Number.POSITIVE_INFINITY) return promise
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeoutMs, () => {
      const remedy = 'try again, or give it more time with timeoutMs'
      reject(new GliderError('TIMEOUT', `${what} did not come to an end within its deadline: ${remedy}`))
    })
    promise.then(resolve, reject).finally(() => timer.cancel())
  })
}

/**
 * Does what takes several operations within the one deadline of the call, where it has one. What is under way when that passes is
 * given up: nothing uses the caller's memory any more.
 */
export async function withinDeadline<T>(
  what: string,
  clock: Clock,
  options: CallOptions,
  work: (options: CallOptions) => Promise<T>,
): Promise<T> {
  const { signal, timeoutMs } = options
  if (timeoutMs === undefined || timeoutMs === Number.POSITIVE_INFINITY) return work(options)
  const giveUp = new AbortController()
  // Whatever is under way listens to it.
  setMaxListeners(0, giveUp.signal)
  let isLate = false
  const late = (cause?: unknown): GliderError => {
    const remedy = 'try again, or give it more time with timeoutMs'
    const message = `${what} did not come to an end within its deadline: ${remedy}`
    return new GliderError('TIMEOUT', message, { cause, outcome: 'unknown' })
  }
  const timer = clock.after(timeoutMs, () => {
    isLate = true
    giveUp.abort(late())
  })
  const onAbort = (): void => giveUp.abort(signal?.reason)
  signal?.addEventListener('abort', onAbort)
  if (signal?.aborted) onAbort()
  try {
    return await work({ timeoutMs, signal: giveUp.signal })
  } catch (error) {
    const { code } = GliderError.from(error)
    // A step has the same deadline, and may notice first.
    throw code === 'TIMEOUT' || (isLate && code === 'CANCELLED') ? late(error) : error
  } finally {
    timer.cancel()
    signal?.removeEventListener('abort', onAbort)
  }
}

/** @throws GliderError CANCELLED */
export function pause(clock: Clock, delayMs: number, what: string, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    const onAbort = (): void => {
      timer.cancel()
      reject(cancelledError(what, signal!))
    }
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** @throws GliderError INVALID_ARGUMENT for what is no time that anything could take */
export function checkTimeout(timeoutMs: number | undefined): void {
  if (timeoutMs === undefined || timeoutMs > 0) return
  const remedy = 'give milliseconds above 0, or leave it out'
  throw new GliderError('INVALID_ARGUMENT', `a timeoutMs of ${String(timeoutMs)} leaves no time: ${remedy}`)
}
