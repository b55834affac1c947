import { GliderError } from '../protocol/errors.ts'

/** Lets streams, calls and new objects in until the server is draining; from then on only what belongs to those that run. */
export class Gate {
  #closed: GliderError | undefined

  close(why: GliderError): void {
    this.#closed = why
  }

  /**
   * @param chain the objects whose turns wait for what is asked for: it is a part of what they do
   * @throws GliderError UNAVAILABLE
   */
  check(chain: readonly string[] | undefined): void {
    if (this.#closed && !chain?.length) throw this.#closed
  }

  /**
   * For a new object, which the metadata server then asks another server for.
   * @throws GliderError NO_SLOT
   */
  checkRoom(): void {
    if (this.#closed) throw new GliderError('NO_SLOT', this.#closed.message)
  }
}
