import type { ActionOutput } from '../output.ts'

const LF = 10
const BUFFER_BYTES = 64 * 1024

/** Gathers lines for a reader, so that many travel together. Between two flushes nothing is awaited, and everything is kept. */
export class LineWriter {
  readonly #output: Pick<ActionOutput, 'write'>
  #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  #length = 0

  constructor(output: Pick<ActionOutput, 'write'>) {
    this.#output = output
  }

  /** Time to flush. */
  get isFull(): boolean {
    return this.#length >= BUFFER_BYTES
  }

  /** Copies a line, and ends it. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.append(bytes, start, end)
    this.#buffer[this.#length++] = LF
  }

  /** Copies a part of a line. */
  append(bytes: Uint8Array, start: number, end: number): void {
    const length = this.#length + end - start
    // One more, for the LF.
    if (length >= this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length + 1, 2 * this.#buffer.length))
      this.#buffer.copy(grown, 0, 0, this.#length)
      this.#buffer = grown
    }
    this.#buffer.set(bytes.subarray(start, end), this.#length)
    this.#length = length
  }

  async flush(): Promise<void> {
    if (this.#length === 0) return
    const length = this.#length
    this.#length = 0
    await this.#output.write(this.#buffer.subarray(0, length))
    if (this.#buffer.length > 2 * BUFFER_BYTES) this.#buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  }
}
