/** The lines of one stream, their bytes end to end, without endings. */
export class LineBatch {
  #bytes = Buffer.allocUnsafeSlow(4096)
  #ends = new Float64Array(64)
  #length = 0
  #lines = 0

  get lines(): number {
    return this.#lines
  }

  /** Bytes of all lines, without their endings. */
  get length(): number {
    return this.#length
  }

  get bytes(): Buffer {
    return this.#bytes
  }

  start(line: number): number {
    return line === 0 ? 0 : this.#ends[line - 1]!
  }

  end(line: number): number {
    return this.#ends[line]!
  }

  add(chunk: Buffer, start: number, end: number): void {
    const length = this.#length + end - start
    if (length > this.#bytes.length) this.#resizeBytes(Math.max(length, 2 * this.#bytes.length))
    if (this.#lines === this.#ends.length) this.#resizeEnds(2 * this.#lines)
    chunk.copy(this.#bytes, this.#length, start, end)
    this.#ends[this.#lines++] = length
    this.#length = length
  }

  /** Nothing more is added: gives back the room to grow. */
  trim(): void {
    if (this.#length < this.#bytes.length) this.#resizeBytes(this.#length)
    if (this.#lines < this.#ends.length) this.#resizeEnds(this.#lines)
  }

  #resizeBytes(size: number): void {
    const resized = Buffer.allocUnsafeSlow(size)
    this.#bytes.copy(resized, 0, 0, this.#length)
    this.#bytes = resized
  }

  #resizeEnds(size: number): void {
    const resized = new Float64Array(size)
    resized.set(this.#ends.subarray(0, this.#lines))
    this.#ends = resized
  }
}
