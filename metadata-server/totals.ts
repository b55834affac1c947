/** What is counted as it changes, because counting it when asked would take too long. */
export class Totals {
  /** Of all namespaces together. */
  readonly #all: Totals | undefined
  #storedBytes = 0
  #inlineBytes = 0

  /** @param all goes along with these */
  constructor(all?: Totals) {
    this.#all = all
  }

  /** Committed bytes of all nodes. */
  get storedBytes(): number {
    return this.#storedBytes
  }

  set storedBytes(bytes: number) {
    if (this.#all) this.#all.storedBytes += bytes - this.#storedBytes
    this.#storedBytes = bytes
  }

  /** Memory that is taken by the bytes kept inline. */
  get inlineBytes(): number {
    return this.#inlineBytes
  }

  set inlineBytes(bytes: number) {
    if (this.#all) this.#all.inlineBytes += bytes - this.#inlineBytes
    this.#inlineBytes = bytes
  }

  /** The same of all namespaces together: there is one budget for it. */
  get allInlineBytes(): number {
    return this.#all ? this.#all.inlineBytes : this.#inlineBytes
  }
}

/** Memory that a Buffer takes beside its bytes. */
export const OVERHEAD_BYTES = 200

/** What bytes that are kept inline take of the budget. */
export function inlineCost(inline: Buffer | undefined): number {
  return inline ? inline.length + OVERHEAD_BYTES : 0
}
