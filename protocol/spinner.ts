import type { Clock } from './clock.ts'

/** Longer than what is worth spinning for takes to come; in milliseconds. */
const SPAN_MS = 0.4
/** After so many vain spins in a row it does not get more reluctant any more. */
const MOST_RELUCTANT = 10

/**
 * Keeps the event loop turning for a moment where something is due: going to sleep and waking up again takes longer than many
 * an answer. Always holds: it turns for at most 0.4 ms after it was asked to, and each time that was in vain, twice as many
 * requests to do so are passed over before the next try.
 */
export class Spinner {
  readonly #clock: Clock
  #until = 0
  #turning = false
  #vain = 0
  #passOver = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Something is due very soon. */
  expect(): void {
    if (this.#passOver > 0) {
      this.#passOver--
      return
    }
    this.#until = this.#clock.now() + SPAN_MS
    if (this.#turning) return
    this.#turning = true
    this.#clock.soon(this.#turn)
  }

  /** It has come. */
  arrived(): void {
    if (!this.#turning) return
    this.#until = 0
    this.#vain = 0
  }

  readonly #turn = (): void => {
    if (this.#until > 0 && this.#clock.now() < this.#until) {
      this.#clock.soon(this.#turn)
      return
    }
    this.#turning = false
    if (this.#until === 0) return
    this.#vain = Math.min(this.#vain + 1, MOST_RELUCTANT)
    this.#passOver = 2 ** this.#vain - 1
  }
}
