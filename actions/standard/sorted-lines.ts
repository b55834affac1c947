import { copyLine, viewOf } from './copy-line.ts'
import type { LineBatch } from './line-batch.ts'
import type { LineOrder } from './line-order.ts'
import { otherTurns } from './other-turns.ts'
import { orderOf } from './prefix-order.ts'
import type { SortedSource } from './run-reader.ts'

const LF = 10

/** Bytes that sorting takes for each line. */
export const SORT_COST_OF_LINE = 40
/** Lines are looked at in pieces of so many in one turn. */
const PIECE_LINES = 256 * 1024

/** The lines of batches in order. */
export class SortedLines implements SortedSource {
  readonly #batches: readonly LineBatch[]
  readonly #views: readonly DataView[]
  readonly #batchOf: Uint32Array
  readonly #starts: Uint32Array
  readonly #ends: Uint32Array
  readonly #prefixes: Float64Array
  /** Numbers of lines, counted through all batches, in order. */
  #lines: Uint32Array = new Uint32Array(0)
  #next = 0
  bytes: Buffer = Buffer.alloc(0)
  start = 0
  end = 0
  prefix = 0

  private constructor(batches: readonly LineBatch[], count: number) {
    this.#batches = batches
    this.#views = batches.map(({ view }) => view)
    this.#batchOf = new Uint32Array(count)
    this.#starts = new Uint32Array(count)
    this.#ends = new Uint32Array(count)
    this.#prefixes = new Float64Array(count)
  }

  /** Lets others have their turns, for to sort all that memory holds takes longer than a turn may. */
  static async of(batches: readonly LineBatch[], by: LineOrder, signal: AbortSignal): Promise<SortedLines> {
    const count = batches.reduce((sum, batch) => sum + batch.lines, 0)
    const sorted = new SortedLines(batches, count)
    await sorted.#sort(by, signal)
    return sorted
  }

  async #sort(by: LineOrder, signal: AbortSignal): Promise<void> {
    let next = 0
    for (const [number, batch] of this.#batches.entries()) {
      for (let from = 0; from < batch.lines; from += PIECE_LINES) {
        next = this.#note(batch, number, from, Math.min(batch.lines, from + PIECE_LINES), next, by)
        if (next >= PIECE_LINES) await otherTurns(signal)
      }
    }
    const batchOf = this.#batchOf
    const starts = this.#starts
    const ends = this.#ends
    const compare = (a: number, b: number): number => {
      const bytesOfA = this.#batches[batchOf[a]!]!.bytes
      return by.compare(bytesOfA, starts[a]!, ends[a]!, this.#batches[batchOf[b]!]!.bytes, starts[b]!, ends[b]!)
    }
    this.#lines = await orderOf(this.#prefixes, compare, () => otherTurns(signal))
  }

  #note(batch: LineBatch, number: number, from: number, to: number, first: number, by: LineOrder): number {
    let next = first
    for (let line = from; line < to; line++, next++) {
      const start = batch.start(line)
      const end = batch.end(line)
      this.#batchOf[next] = number
      this.#starts[next] = start
      this.#ends[next] = end
      this.#prefixes[next] = by.prefix(batch.bytes, start, end)!
    }
    return next
  }

  next(): boolean {
    if (this.#next === this.#lines.length) return false
    const line = this.#lines[this.#next++]!
    this.bytes = this.#batches[this.#batchOf[line]!]!.bytes
    this.start = this.#starts[line]!
    this.end = this.#ends[line]!
    this.prefix = this.#prefixes[line]!
    return true
  }

  /**
   * All that are left, each followed by LF, in a buffer of about `bufferBytes` that is used again and again, for memory that is made anew has
   * V8 look for garbage: what is given is lent until the next is asked for.
   */
  async *buffers(bufferBytes: number, signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
    let out = Buffer.allocUnsafeSlow(bufferBytes)
    for (let least = this.bytesOfNext; least > 0; least = this.bytesOfNext) {
      if (least > out.length) out = Buffer.allocUnsafeSlow(least)
      yield out.subarray(0, this.fill(out))
      await otherTurns(signal)
    }
  }

  /** What the next line takes in a buffer; 0 where none is left. */
  get bytesOfNext(): number {
    if (this.#next === this.#lines.length) return 0
    const line = this.#lines[this.#next]!
    return this.#ends[line]! - this.#starts[line]! + 1
  }

  /** Copies lines, each followed by LF, as long as there is room; answers how many bytes. */
  fill(buffer: Buffer): number {
    const lines = this.#lines
    const out = viewOf(buffer)
    const room = out.byteLength
    let length = 0
    let next = this.#next
    for (; next < lines.length; next++) {
      const line = lines[next]!
      const start = this.#starts[line]!
      const end = this.#ends[line]!
      if (length + end - start + 1 > room) break
      copyLine(this.#views[this.#batchOf[line]!]!, start, end, out, length)
      length += end - start
      out.setUint8(length++, LF)
    }
    this.#next = next
    return length
  }
}
