import type { Clock } from './clock.ts'
import type { GliderError } from './errors.ts'

/** What is to be known of a stream here. */
export interface OpenStream {
  readonly id: number
  sendCredit(): void
  fail(error: GliderError): void
}

/** The streams that are open on one connection, whichever side has opened them. */
export class OpenStreams<S extends OpenStream> {
  readonly #clock: Clock
  readonly #streams = new Map<number, S>()
  readonly #credits = new Set<S>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#streams.size
  }

  get(id: number): S | undefined {
    return this.#streams.get(id)
  }

  [Symbol.iterator](): Iterator<S> {
    return this.#streams.values()
  }

  has(id: number): boolean {
    return this.#streams.has(id)
  }

  add(stream: S): void {
    this.#streams.set(stream.id, stream)
  }

  forget(stream: S): void {
    this.#streams.delete(stream.id)
    this.#credits.delete(stream)
  }

  /** Has its `sendCredit` called: not before all that this turn of the event loop still has to read, so that one frame tells of it all. */
  creditDue(stream: S): void {
    if (this.#credits.size === 0) this.#clock.soon(() => this.#sendCredits())
    this.#credits.add(stream)
  }

  failAll(reason: GliderError): void {
    for (const stream of [...this.#streams.values()]) stream.fail(reason)
  }

  #sendCredits(): void {
    for (const stream of this.#credits) stream.sendCredit()
    this.#credits.clear()
  }
}
