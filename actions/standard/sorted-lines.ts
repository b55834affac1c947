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

/** Bytes of a line that are compared as one number: as many whole ones as a double holds exactly. */
const PREFIX_BYTES = 6

/** All lines of the batches in order of their bytes, each followed by LF, in buffers of about `bufferBytes`. */
export function* sortedLines(batches: readonly LineBatch[], bufferBytes: number): Generator<Buffer, void, undefined> {
  const order = sortOrder(batches)
  let out = Buffer.allocUnsafeSlow(bufferBytes)
  let at = 0
  for (const line of order.lines) {
    const batch = batches[order.batchOf[line]!]!
    const start = order.starts[line]!
    const length = order.ends[line]! - start
    if (at + length + 1 > out.length) {
      if (at > 0) yield out.subarray(0, at)
      out = Buffer.allocUnsafeSlow(Math.max(bufferBytes, length + 1))
      at = 0
    }
    batch.bytes.copy(out, at, start, start + length)
    at += length
    out[at++] = 10
  }
  if (at > 0) yield out.subarray(0, at)
}

interface SortOrder {
  /** Numbers of lines, counted through all batches, in order. */
  readonly lines: Uint32Array
  readonly batchOf: Uint32Array
  readonly starts: Float64Array
  readonly ends: Float64Array
}

function sortOrder(batches: readonly LineBatch[]): SortOrder {
  const count = batches.reduce((sum, batch) => sum + batch.lines, 0)
  const lines = new Uint32Array(count)
  const batchOf = new Uint32Array(count)
  const starts = new Float64Array(count)
  const ends = new Float64Array(count)
  const prefixes = new Float64Array(count)
  let next = 0
  for (const [number, batch] of batches.entries()) {
    for (let line = 0; line < batch.lines; line++, next++) {
      lines[next] = next
      batchOf[next] = number
      starts[next] = batch.start(line)
      ends[next] = batch.end(line)
      prefixes[next] = prefixOf(batch.bytes, starts[next]!, ends[next]!)
    }
  }
  lines.sort((a, b) => {
    const byPrefix = prefixes[a]! - prefixes[b]!
    if (byPrefix !== 0) return byPrefix
    const bytesOfA = batches[batchOf[a]!]!.bytes
    return bytesOfA.compare(batches[batchOf[b]!]!.bytes, starts[b], ends[b], starts[a], ends[a])
  })
  return { lines, batchOf, starts, ends }
}

/** The first bytes as a number, short lines filled up with zeros. */
function prefixOf(bytes: Buffer, start: number, end: number): number {
  if (end - start >= PREFIX_BYTES) return bytes.readUIntBE(start, PREFIX_BYTES)
  let prefix = 0
  for (let at = start; at < start + PREFIX_BYTES; at++) prefix = prefix * 256 + (at < end ? bytes[at]! : 0)
  return prefix
}
