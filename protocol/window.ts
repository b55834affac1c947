import type { GliderError } from './errors.ts'

/** How much may be promised or held at all, and the error of what is refused beyond it. */
export interface Ceiling {
  readonly bytes: number
  readonly refusal: () => GliderError
}

/**
 * Bytes that a receiver may have promised or hold at the same time: those of a connection, within those of its process. Windows grow
 * within `limit`; above it, up to the ceiling, is room for the first window of new streams and for bodies.
 */
export class WindowBudget {
  readonly #limit: number
  readonly #parent: WindowBudget | undefined
  readonly #ceiling: Ceiling | undefined
  #used = 0

  constructor(limit: number, parent?: WindowBudget, ceiling?: Ceiling) {
    this.#limit = limit
    this.#parent = parent
    this.#ceiling = ceiling
  }

  get used(): number {
    return this.#used
  }

  /** @throws GliderError BUSY where `bytes` more are over a ceiling */
  check(bytes: number): void {
    if (this.#ceiling && this.#used + bytes > this.#ceiling.bytes) throw this.#ceiling.refusal()
    this.#parent?.check(bytes)
  }

  /** Takes `bytes` if they are within the limits. */
  take(bytes: number): boolean {
    if (this.#used + bytes > this.#limit) return false
    if (this.#parent && !this.#parent.take(bytes)) return false
    this.#used += bytes
    return true
  }

  /** Takes what has to be there: the first window of a stream, which is promised by the protocol itself, or a body; see `check`. */
  takeInitial(bytes: number): void {
    this.#used += bytes
    this.#parent?.takeInitial(bytes)
  }

  give(bytes: number): void {
    this.#used -= bytes
    this.#parent?.give(bytes)
  }
}

export const INITIAL_WINDOW_BYTES = 64 << 10
export const MAX_WINDOW_BYTES = 4 << 20
export const CONNECTION_WINDOW_BYTES = 64 << 20
export const PROCESS_WINDOW_BYTES = 512 << 20

/**
 * The receiving side's account of one stream. Always holds: consumed ≤ received ≤ limit, and limit − consumed ≤ size, so that
 * at most `size` bytes wait here. The window doubles whenever the consumer has kept up with a whole one of them, as far as the
 * budget allows.
 */
export class ReceiveWindow {
  readonly #budget: WindowBudget
  /** What the place that bytes land in has room for. */
  #shared: WindowBudget | undefined
  #size = INITIAL_WINDOW_BYTES
  #limit = INITIAL_WINDOW_BYTES
  #received = 0
  #consumed = 0
  #grownAt = 0
  #released = false

  constructor(budget: WindowBudget) {
    this.#budget = budget
    budget.takeInitial(this.#size)
  }

  get limit(): number {
    return this.#limit
  }

  /** Grows only within `budget` as well. To be called before anything is consumed. */
  share(budget: WindowBudget): void {
    this.#shared = budget
  }

  get received(): number {
    return this.#received
  }

  /** False where the sender goes beyond its credit. */
  fits(bytes: number): boolean {
    return this.#received + bytes <= this.#limit
  }

  receive(bytes: number): void {
    this.#received += bytes
  }

  /** Answers whether the sender should be told of a new limit. */
  consume(bytes: number): boolean {
    this.#consumed += bytes
    if (this.#released) return false
    if (this.#consumed - this.#grownAt >= this.#size && this.#size < MAX_WINDOW_BYTES && this.#take(this.#size)) {
      this.#size *= 2
      this.#grownAt = this.#consumed
    }
    const limit = this.#consumed + this.#size
    if (limit - this.#limit < this.#size / 4) return false
    this.#limit = limit
    return true
  }

  /** The stream is over: its promise counts no more. */
  release(): void {
    if (this.#released) return
    this.#released = true
    this.#budget.give(this.#size)
    this.#shared?.give(this.#size - INITIAL_WINDOW_BYTES)
  }

  #take(bytes: number): boolean {
    if (this.#shared && !this.#shared.take(bytes)) return false
    if (this.#budget.take(bytes)) return true
    this.#shared?.give(bytes)
    return false
  }
}
