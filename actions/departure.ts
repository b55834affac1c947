import type { GliderError } from '../protocol/errors.ts'

/** Tells one listener that the other side of a stream or call has gone: what an AbortSignal would do, at a fraction of its cost. */
export class Departure {
  #reason: GliderError | undefined
  #listener: ((reason: GliderError) => void) | undefined

  get reason(): GliderError | undefined {
    return this.#reason
  }

  tell(reason: GliderError): void {
    if (this.#reason) return
    this.#reason = reason
    this.#listener?.(reason)
  }

  /** Told at once where it has gone already; undefined ends the listening. */
  set listener(listener: ((reason: GliderError) => void) | undefined) {
    this.#listener = listener
    if (this.#reason) listener?.(this.#reason)
  }
}
