/** Time as the parts see it, so that tests and simulations can turn it by hand. All times are in milliseconds. */
export interface Clock {
  /** Never goes back; no relation to the calendar. */
  now(): number
  /** Since 1970, for what people or other machines read. */
  wallTime(): number
  /** Runs `callback` once after `delayMs`. A timer never keeps the process alive by itself. */
  after(delayMs: number, callback: () => void): Timer
  /** Runs `callback` in a later turn of the event loop. */
  soon(callback: () => void): void
}

export interface Timer {
  cancel(): void
}

/** Runs `callback` every `periodMs` until cancelled. */
export function every(clock: Clock, periodMs: number, callback: () => void): Timer {
  let timer = clock.after(periodMs, tick)
  function tick(): void {
    timer = clock.after(periodMs, tick)
    callback()
  }
  return { cancel: () => timer.cancel() }
}

/** Unpredictable bits. */
export interface Randomness {
  bytes(count: number): Buffer
  /** A short id, unique for all practical purposes. */
  id(): string
}
