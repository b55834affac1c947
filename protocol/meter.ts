import type { Clock } from './clock.ts'
import type { ErrorCode } from './errors.ts'

/** Numbers of operations are below this. */
const MOST_CODES = 128
/** Operations that are answered in the turn in which they arrive; of more, the clock is read once more. */
const MOST_TOGETHER = 256
/** Upper bounds of the buckets are powers of 2, in microseconds: from 16 µs to 16.8 s, and one for what takes longer. */
const FIRST_POWER = 4
const LAST_POWER = 24

/** Upper bounds of the buckets but the last, in seconds. */
export const BUCKET_BOUNDS: readonly number[] = Array.from(
  { length: LAST_POWER - FIRST_POWER + 1 },
  (_, at) => 2 ** (FIRST_POWER + at) / 1e6,
)
export const BUCKETS = BUCKET_BOUNDS.length + 1

export function bucketOf(ms: number): number {
  // Beyond what a whole number of 32 bits can say it is the last one anyway.
  const microseconds = Math.ceil(Math.min(ms, 1e6) * 1e3)
  const power = microseconds <= 1 ? 0 : 32 - Math.clz32(microseconds - 1)
  return Math.min(Math.max(power - FIRST_POWER, 0), BUCKETS - 1)
}

/**
 * Counts what a server does, by operation, in memory that is there from the start. Time is read when bytes have arrived, and when all
 * of them that were whole are answered: twice for all that a turn of the event loop brings on a connection, and once more for what is
 * answered later.
 */
export class Meter {
  /** By operation and bucket. */
  readonly counts = new Float64Array(MOST_CODES * BUCKETS)
  /** By operation, like all that follow. */
  readonly totalMs = new Float64Array(MOST_CODES)
  readonly received = new Float64Array(MOST_CODES)
  readonly sent = new Float64Array(MOST_CODES)
  readonly #failures = new Map<number, Map<ErrorCode, number>>()
  /** How often a stream had bytes to send and no credit. */
  stalls = 0
  readonly #clock: Clock
  #turnMs = 0
  readonly #together = new Uint8Array(MOST_TOGETHER)
  #waiting = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** When the bytes that are being looked at have arrived. */
  get turnMs(): number {
    return this.#turnMs
  }

  /** Bytes have arrived. */
  turn(): void {
    this.#turnMs = this.#clock.now()
  }

  /** All of those bytes that was whole has been handed on. */
  endTurn(): void {
    if (this.#waiting > 0) this.#observeWaiting()
  }

  /** An operation that has arrived in this turn is answered. */
  answered(code: number): void {
    this.#together[this.#waiting++] = code
    if (this.#waiting === MOST_TOGETHER) this.#observeWaiting()
  }

  /** One that has arrived at `sinceMs` is answered, or a stream is over. */
  ended(code: number, sinceMs: number): void {
    this.took(code, this.#clock.now() - sinceMs)
  }

  took(code: number, ms: number): void {
    this.counts[code * BUCKETS + bucketOf(ms)]! += 1
    this.totalMs[code]! += ms
  }

  /** The answer is an error; beside its time. */
  failed(code: number, error: ErrorCode): void {
    const failures = this.#failures.get(code) ?? new Map<ErrorCode, number>()
    this.#failures.set(code, failures)
    failures.set(error, (failures.get(error) ?? 0) + 1)
  }

  failuresOf(code: number): Iterable<[ErrorCode, number]> {
    return this.#failures.get(code) ?? []
  }

  #observeWaiting(): void {
    const ms = this.#clock.now() - this.#turnMs
    const bucket = bucketOf(ms)
    for (let at = 0; at < this.#waiting; at++) {
      const code = this.#together[at]!
      this.counts[code * BUCKETS + bucket]! += 1
      this.totalMs[code]! += ms
    }
    this.#waiting = 0
  }
}
