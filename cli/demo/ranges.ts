/** Lines are compared up to here when ranges are chosen; where many agree so far, one range gets them all. */
const BORDER_BYTES = 64
const LF = 10

/** A line that stands for `weight` bytes of the text. */
export interface Sampled {
  readonly line: Uint8Array
  readonly weight: number
}

/** The lines that begin in a piece of text; the first one does only where the piece begins with it. */
export function sampleLines(piece: Buffer, beginsLine: boolean): Sampled[] {
  const sampled: Sampled[] = []
  let start = beginsLine ? 0 : piece.indexOf(LF) + 1
  if (start === 0 && !beginsLine) return sampled
  while (start < piece.length) {
    const lineEnd = piece.indexOf(LF, start)
    const end = lineEnd === -1 ? piece.length : lineEnd
    const line = Uint8Array.from(piece.subarray(start, Math.min(end, start + BORDER_BYTES)))
    sampled.push({ line, weight: end - start + 1 })
    start = end + 1
  }
  return sampled
}

/** Borders that split the text into so many ranges of about the same number of bytes: each is the first line of the next range. */
export function chooseBorders(samples: readonly Sampled[], ranges: number): Uint8Array[] {
  const sorted = [...samples].sort((a, b) => Buffer.compare(a.line, b.line))
  const total = sorted.reduce((sum, { weight }) => sum + weight, 0)
  const borders: Uint8Array[] = []
  let passed = 0
  for (const { line, weight } of sorted) {
    while (borders.length < ranges - 1 && passed >= (total * (borders.length + 1)) / ranges) borders.push(line)
    passed += weight
  }
  // Too few samples for so many ranges: the last ones stay empty, or nearly so.
  while (borders.length < ranges - 1) borders.push(borders.at(-1) ?? new Uint8Array())
  return borders
}

/** Finds the range of a line: that of the last border which is not behind it. */
export class RangeFinder {
  readonly #borders: readonly Buffer[]

  constructor(borders: readonly Uint8Array[]) {
    this.#borders = borders.map(border => Buffer.from(border))
  }

  find(chunk: Buffer, start: number, end: number): number {
    let low = 0
    let high = this.#borders.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const border = this.#borders[middle]!
      if (border.compare(chunk, start, end) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
