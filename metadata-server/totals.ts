/** What is counted as it changes, because counting it when asked would take too long. */
export class Totals {
  /** Committed bytes of all nodes. */
  storedBytes = 0
  /** Memory that is taken by the bytes kept inline. */
  inlineBytes = 0
}

/** Memory that a Buffer takes beside its bytes. */
export const OVERHEAD_BYTES = 200

/** What bytes that are kept inline take of the budget. */
export function inlineCost(inline: Buffer | undefined): number {
  return inline ? inline.length + OVERHEAD_BYTES : 0
}
