/** What is counted as it changes, because counting it when asked would take too long. */
export class Totals {
  /** Committed bytes of all nodes. */
  storedBytes = 0
}
