import { GliderError } from '../../protocol/errors.ts'

interface Drawn {
  /** Drawn at random for the line. */
  readonly lot: number
  readonly line: Buffer
}

/**
 * Of all lines that were offered, those with the `size` lowest lots. As lots are drawn alike for every line, that is a sample in which
 * each has the same chance, and the sample of two reservoirs together is what is lowest in both. Always holds: a heap, the highest lot on top.
 */
export class Reservoir {
  readonly #size: number
  readonly #maxBytes: number
  #heap: Drawn[] = []
  #bytes = 0
  #offered = 0

  constructor(size: number, maxBytes: number) {
    this.#size = size
    this.#maxBytes = maxBytes
  }

  /** Of how many lines this is a sample. */
  get offered(): number {
    return this.#offered
  }

  get lines(): Buffer[] {
    return this.#heap.map(({ line }) => line)
  }

  /** Copies the line where it is taken. */
  offer(lot: number, chunk: Buffer, start: number, end: number): void {
    this.#offered++
    if (this.#heap.length === this.#size && lot >= this.#heap[0]!.lot) return
    this.#add({ lot, line: Buffer.from(chunk.subarray(start, end)) })
    if (this.#bytes <= this.#maxBytes) return
    throw new GliderError(
      'NO_SPACE',
      `the sample takes more than ${this.#maxBytes} bytes: raise params.maxBytes, or lower params.size`,
    )
  }

  /** The sample of both together. */
  with(other: Reservoir): Reservoir {
    const both = new Reservoir(this.#size, this.#maxBytes)
    for (const { lot, line } of [...this.#heap, ...other.#heap]) both.offer(lot, line, 0, line.length)
    both.#offered = this.#offered + other.#offered
    return both
  }

  #add(drawn: Drawn): void {
    const heap = this.#heap
    this.#bytes += drawn.line.length
    if (heap.length < this.#size) {
      heap.push(drawn)
      this.#rise(heap.length - 1)
      return
    }
    this.#bytes -= heap[0]!.line.length
    heap[0] = drawn
    this.#sink(0)
  }

  #rise(from: number): void {
    const heap = this.#heap
    for (let at = from, above = (at - 1) >> 1; at > 0 && heap[at]!.lot > heap[above]!.lot; at = above, above = (at - 1) >> 1) {
      this.#swap(at, above)
    }
  }

  #sink(from: number): void {
    const heap = this.#heap
    for (let at = from; ; ) {
      let highest = at
      for (const below of [2 * at + 1, 2 * at + 2]) {
        if (below < heap.length && heap[below]!.lot > heap[highest]!.lot) highest = below
      }
      if (highest === at) return
      this.#swap(at, highest)
      at = highest
    }
  }

  #swap(a: number, b: number): void {
    const drawn = this.#heap[a]!
    this.#heap[a] = this.#heap[b]!
    this.#heap[b] = drawn
  }
}
