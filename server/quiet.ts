import type { Clock } from '../protocol/clock.ts'

/** Somebody in the middle of a stream asks for the next of its bytes within this time. */
const QUIET_MS = 1_000

/** Looks at a counter of operations, and tells when there have been none for a while. */
export class Quiet {
  readonly #clock: Clock
  readonly #count: () => number
  #seen: number
  #sinceMs: number

  constructor(clock: Clock, count: () => number) {
    this.#clock = clock
    this.#count = count
    this.#seen = count()
    // Where there has never been one, there is nobody to wait for.
    this.#sinceMs = this.#seen === 0 ? Number.NEGATIVE_INFINITY : clock.now()
  }

  /** To be looked at again and again. */
  get isQuiet(): boolean {
    const count = this.#count()
    const now = this.#clock.now()
    if (count !== this.#seen) {
      this.#seen = count
      this.#sinceMs = now
    }
    return now - this.#sinceMs >= QUIET_MS
  }
}
