import { LineBatch } from './line-batch.ts'

/** Small enough that its memory is used again when it is freed, rather than given back to the system. */
const BATCH_BYTES = 512 << 10

/** Any number of lines, in batches of bounded size: what is held is never moved to grow. */
export class LineBatches {
  readonly #batches: LineBatch[] = []
  #last = new LineBatch()
  #lines = 0
  #length = 0

  get lines(): number {
    return this.#lines
  }

  /** Bytes of all lines, without their endings. */
  get length(): number {
    return this.#length
  }

  /** All batches with lines, in the order in which these came. */
  get all(): readonly LineBatch[] {
    return this.#last.lines === 0 ? this.#batches : [...this.#batches, this.#last]
  }

  add(chunk: Buffer, start: number, end: number): void {
    if (this.#last.length + end - start > BATCH_BYTES && this.#last.lines > 0) {
      this.#batches.push(this.#last)
      this.#last = new LineBatch(BATCH_BYTES, this.#last.lines)
    }
    this.#last.add(chunk, start, end)
    this.#lines++
    this.#length += end - start
  }

  /** Nothing more is added: gives back the room to grow. */
  trim(): void {
    this.#last.trim()
  }
}
