import type { Clock, Timer } from '../clock.ts'

/** A clock that is turned by hand. */
export class FakeClock implements Clock {
  readonly #timers = new Set<{ readonly due: number; readonly callback: () => void }>()
  #now = 1_000

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return 1_700_000_000_000 + this.#now
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer = { due: this.#now + delayMs, callback }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  soon(callback: () => void): void {
    process.nextTick(callback)
  }

  /** Timers that have neither run nor been cancelled. */
  get pending(): number {
    return this.#timers.size
  }

  /** Lets time pass; what falls due runs at its own time, in order. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#now = next.due
      this.#timers.delete(next)
      next.callback()
    }
    this.#now = end
  }

  /** The process was not running for so long: what fell due meanwhile runs late, once. */
  sleep(ms: number): void {
    this.#now += ms
    for (const timer of [...this.#timers].filter(({ due }) => due <= this.#now)) {
      this.#timers.delete(timer)
      timer.callback()
    }
  }

  #next(end: number): { readonly due: number; readonly callback: () => void } | undefined {
    let first: { readonly due: number; readonly callback: () => void } | undefined
    for (const timer of this.#timers) if (timer.due <= end && (!first || timer.due < first.due)) first = timer
    return first
  }
}
