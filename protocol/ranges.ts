/**
 * A set of byte ranges, kept sorted and merged. Always holds: every range is non-empty, and between two neighbours is a gap.
 * Appending at the end of the last range, what streams do, touches nothing else.
 */
export class Ranges {
  /** start, end, start, end, … (ends exclusive) */
  readonly #edges: number[] = []

  clear(): void {
    this.#edges.length = 0
  }

  add(start: number, end: number): void {
    if (end <= start) return
    const edges = this.#edges
    const last = edges.length - 1
    if (last < 0 || start > edges[last]!) {
      edges.push(start, end)
      return
    }
    if (start === edges[last]!) {
      edges[last] = end
      return
    }
    // Everything from the first range that touches [start, end] to the last one that does becomes one range.
    let first = 0
    while (edges[first + 1]! < start) first += 2
    let after = first
    while (after < edges.length && edges[after]! <= end) after += 2
    if (after === first) {
      edges.splice(first, 0, start, end)
      return
    }
    edges.splice(first, after - first, Math.min(start, edges[first]!), Math.max(end, edges[after - 1]!))
  }

  covers(start: number, end: number): boolean {
    if (end <= start) return true
    const edges = this.#edges
    for (let i = 0; i < edges.length; i += 2) {
      if (edges[i]! <= start) {
        if (edges[i + 1]! >= end) return true
      } else return false
    }
    return false
  }

  /** Calls `visit` for each part of [start, end) that is not in the set, in order. */
  gaps(start: number, end: number, visit: (gapStart: number, gapEnd: number) => void): void {
    let at = start
    const edges = this.#edges
    for (let i = 0; i < edges.length && at < end; i += 2) {
      if (edges[i + 1]! <= at) continue
      if (edges[i]! > at) visit(at, Math.min(edges[i]!, end))
      at = edges[i + 1]!
    }
    if (at < end) visit(at, end)
  }

  /** Bytes in the set. */
  get size(): number {
    let total = 0
    for (let i = 0; i < this.#edges.length; i += 2) total += this.#edges[i + 1]! - this.#edges[i]!
    return total
  }
}
