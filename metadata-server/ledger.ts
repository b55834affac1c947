/**
 * What one namespace has had of the cluster since this metadata server was started: what it held, over time, and what was done for it.
 * Always holds: time counts with what was held in it, however seldom somebody looks.
 */
import type { AnswerOf, catalogue } from '../protocol/catalogue.ts'
import type { Clock } from '../protocol/clock.ts'
import type { TrafficRow } from '../protocol/membership-operations.ts'

/** Something that is held, times the seconds that it is. */
class HeldOverTime {
  readonly #clock: Clock
  #held = 0
  #sinceMs: number
  #total = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#sinceMs = clock.now()
  }

  set held(now: number) {
    this.#bring()
    this.#held = now
  }

  get held(): number {
    return this.#held
  }

  get total(): number {
    this.#bring()
    return this.#total
  }

  #bring(): void {
    const now = this.#clock.now()
    this.#total += (this.#held * (now - this.#sinceMs)) / 1000
    this.#sinceMs = now
  }
}

export class Ledger {
  readonly slots: HeldOverTime
  /** Memory of the metadata server. */
  readonly inline: HeldOverTime
  readonly #clock: Clock
  readonly #blockBytes: number
  readonly #sinceMs: number
  /** By storage class, in bytes. */
  readonly #blocks = new Map<string, HeldOverTime>()
  #operations = 0
  #bytesIn = 0
  #bytesOut = 0
  #actionMs = 0

  constructor(clock: Clock, blockBytes: number) {
    this.#clock = clock
    this.#blockBytes = blockBytes
    this.#sinceMs = clock.wallTime()
    this.slots = new HeldOverTime(clock)
    this.inline = new HeldOverTime(clock)
  }

  /** @param more below 0 for those that were given back */
  tookBlocks(storageClass: string, more: number): void {
    let blocks = this.#blocks.get(storageClass)
    if (!blocks) {
      blocks = new HeldOverTime(this.#clock)
      this.#blocks.set(storageClass, blocks)
    }
    blocks.held += more * this.#blockBytes
  }

  /** An operation of this server. */
  didOne(): void {
    this.#operations += 1
  }

  moved(bytesIn: number, bytesOut: number): void {
    this.#bytesIn += bytesIn
    this.#bytesOut += bytesOut
  }

  /** What another server tells. */
  add([, operations, bytesIn, bytesOut, actionMs]: TrafficRow): void {
    this.#operations += operations
    this.#bytesIn += bytesIn
    this.#bytesOut += bytesOut
    this.#actionMs += actionMs
  }

  consumed(): AnswerOf<typeof catalogue.usage>['consumed'] {
    const byteSeconds = Object.fromEntries([...this.#blocks].map(([storageClass, { total }]) => [storageClass, total]))
    return {
      since: this.#sinceMs,
      byteSeconds,
      inlineByteSeconds: this.inline.total,
      slotSeconds: this.slots.total,
      operations: this.#operations,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      actionMs: this.#actionMs,
    }
  }
}
