import type { Clock } from '../../protocol/clock.ts'

/** What a link may send at once after it was idle: also what makes up for timers that come late. */
const BURST_MS = 10
/** Of milliseconds: what doubles make of sums that should be whole. */
const ROUNDING = 1e-6

/**
 * One direction of a link that carries so many bytes per second. Bytes are taken at once, and what was taken beyond the rate is owed:
 * whoever takes more has to wait until nothing is. Always holds: within t seconds at most rate × (t + 10 ms) bytes and one piece pass.
 */
export class TokenBucket {
  readonly #clock: Clock
  readonly #bytesPerMs: number
  readonly #burst: number
  #tokens: number
  #filledAt: number

  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock
    this.#bytesPerMs = bytesPerSecond / 1_000
    this.#burst = this.#bytesPerMs * BURST_MS
    this.#tokens = this.#burst
    this.#filledAt = clock.now()
  }

  take(bytes: number): void {
    this.#fill()
    this.#tokens -= bytes
  }

  /** Whole milliseconds, as timers have them, until nothing is owed any more. */
  get owedMs(): number {
    this.#fill()
    return Math.max(0, Math.ceil(-this.#tokens / this.#bytesPerMs - ROUNDING))
  }

  #fill(): void {
    const now = this.#clock.now()
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filledAt) * this.#bytesPerMs)
    this.#filledAt = now
  }
}
