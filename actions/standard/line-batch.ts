import { copyLine, viewOf } from './copy-line.ts'

const FIRST_BYTES = 4 << 10
const FIRST_LINES = 64

/** The lines of one stream, their bytes end to end, without endings. */
export class LineBatch {
  #bytes: Buffer
  #view: DataView
  #ends: Float64Array
  #length = 0
  #lines = 0
  /** The chunk that was looked at last, for as a rule the next line is in it as well. */
  #chunk: Buffer
  #chunkView: DataView

  /** @param firstBytes for how many, and for how many lines, there is room at first */
  constructor(firstBytes = FIRST_BYTES, firstLines = FIRST_LINES) {
    this.#ends = new Float64Array(firstLines)
    this.#bytes = Buffer.allocUnsafeSlow(firstBytes)
    this.#view = viewOf(this.#bytes)
    this.#chunk = this.#bytes
    this.#chunkView = this.#view
  }

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

  get view(): DataView {
    return this.#view
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
    if (chunk !== this.#chunk) {
      this.#chunk = chunk
      this.#chunkView = viewOf(chunk)
    }
    copyLine(this.#chunkView, start, end, this.#view, this.#length)
    this.#ends[this.#lines++] = length
    this.#length = length
  }

  /** Nothing more is added: gives back the room to grow. */
  trim(): void {
    if (this.#length < this.#bytes.length) this.#resizeBytes(this.#length)
    if (this.#lines < this.#ends.length) this.#resizeEnds(this.#lines)
    this.#chunk = this.#bytes
    this.#chunkView = this.#view
  }

  #resizeBytes(size: number): void {
    const resized = Buffer.allocUnsafeSlow(size)
    this.#bytes.copy(resized, 0, 0, this.#length)
    this.#bytes = resized
    this.#view = viewOf(resized)
  }

  #resizeEnds(size: number): void {
    const resized = new Float64Array(size)
    resized.set(this.#ends.subarray(0, this.#lines))
    this.#ends = resized
  }
}
