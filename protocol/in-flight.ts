import type { Clock, Timer } from './clock.ts'
import { atLimit, type Limits } from './limits.ts'

/** So long a connection with too much under way is held back, before it is refused more. */
const HOLD_MS = 1_000

/** What is held back. */
export interface Held {
  hold(): void
  release(): void
}

/**
 * Counts the requests of one connection under way. At the limit nothing more is read for a moment, since most requests are soon
 * answered; where they are not (they wait for somebody), reading goes on and more are refused until half of them are answered.
 * So a stream beside them, or a cancellation, never waits for longer. Always holds: under way ≤ twice the limit.
 */
export class InFlight {
  readonly #clock: Clock
  readonly #limits: Limits
  readonly #held: Held
  #count = 0
  #refuses = false
  #holding: Timer | undefined

  constructor(clock: Clock, limits: Limits, held: Held) {
    this.#clock = clock
    this.#limits = limits
    this.#held = held
  }

  get count(): number {
    return this.#count
  }

  /** @throws GliderError BUSY */
  check(): void {
    const { operations } = this.#limits
    if (this.#count < operations) return
    if (this.#refuses || this.#count >= 2 * operations) throw atLimit('operations', this.#limits)
  }

  enter(): void {
    this.#count++
    if (this.#count < this.#limits.operations || this.#refuses || this.#holding) return
    this.#held.hold()
    this.#holding = this.#clock.after(HOLD_MS, () => {
      this.#refuses = true
      this.#goOn()
    })
  }

  leave(): void {
    this.#count--
    if (this.#holding && this.#count < this.#limits.operations) this.#goOn()
    if (this.#refuses && this.#count <= this.#limits.operations / 2) this.#refuses = false
  }

  /** The connection has gone. */
  close(): void {
    this.#holding?.cancel()
    this.#holding = undefined
  }

  #goOn(): void {
    this.#holding?.cancel()
    this.#holding = undefined
    this.#held.release()
  }
}
