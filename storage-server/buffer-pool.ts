const LEAST_BYTES = 4 << 10
/** Spare memory kept; more would only be cold. */
const MOST_SPARE_BYTES = 32 << 20

/** Buffers that are used again, in sizes that are powers of two. */
export class BufferPool {
  readonly #spare = new Map<number, Buffer[]>()
  #spareBytes = 0

  /** A buffer of just this length; its memory is the taker's until `give`. */
  take(length: number): Buffer {
    const bytes = sizeFor(length)
    const spare = this.#spare.get(bytes)?.pop()
    if (spare) this.#spareBytes -= bytes
    return (spare ?? Buffer.allocUnsafeSlow(bytes)).subarray(0, length)
  }

  give(buffer: Buffer): void {
    // What was taken is a part of memory of its own.
    const whole = Buffer.from(buffer.buffer)
    if (this.#spareBytes + whole.length > MOST_SPARE_BYTES) return
    this.#spareBytes += whole.length
    const spare = this.#spare.get(whole.length)
    if (spare) spare.push(whole)
    else this.#spare.set(whole.length, [whole])
  }
}

function sizeFor(length: number): number {
  let bytes = LEAST_BYTES
  while (bytes < length) bytes *= 2
  return bytes
}
