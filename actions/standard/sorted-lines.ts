import { systemClock } from '../../protocol/clock.system.ts'
import type { LineBatch } from './line-batch.ts'
import type { LineOrder } from './line-order.ts'
import type { SortedSource } from './run-reader.ts'

/** Bytes that sorting takes for each line. */
export const SORT_COST_OF_LINE = 40

/** So many lines are sorted in one turn: some tenths of a second where all of their bytes have to be compared. */
const PIECE_LINES = 32 * 1024

/**
 * All lines of the batches, in pieces that are in order each. Other turns go between them, for to sort all that memory holds would
 * take longer than a turn may.
 */
export async function sortedPieces(
  batches: readonly LineBatch[],
  by: LineOrder,
  signal: AbortSignal,
): Promise<readonly SortedSource[]> {
  const pieces: SortedPiece[] = []
  let left = batches.reduce((sum, batch) => sum + batch.lines, 0)
  let piece: SortedPiece | undefined
  for (const batch of batches) {
    for (let line = 0; line < batch.lines; line++) {
      piece ??= new SortedPiece(Math.min(PIECE_LINES, left), by)
      left--
      if (!piece.add(batch, batch.start(line), batch.end(line))) continue
      pieces.push(piece)
      piece = undefined
      await otherTurns(signal)
    }
  }
  return pieces
}

/** Lets others have their turn. Rejects with the reason where the signal has fired. */
export async function otherTurns(signal: AbortSignal): Promise<void> {
  await new Promise<void>(resolve => systemClock.soon(resolve))
  if (signal.aborted) throw signal.reason
}

/** Lines that lie in batches, in order. */
class SortedPiece implements SortedSource {
  readonly #by: LineOrder
  /** Numbers of lines, in order. */
  readonly #lines: Uint32Array
  readonly #batches: LineBatch[] = []
  /** Of each line: where in `#batches` its batch is. */
  readonly #batchOf: Uint32Array
  readonly #starts: Float64Array
  readonly #ends: Float64Array
  readonly #prefixes: Float64Array
  #count = 0
  #next = 0
  bytes: Buffer = Buffer.alloc(0)
  start = 0
  end = 0
  prefix = 0

  constructor(lines: number, by: LineOrder) {
    this.#by = by
    this.#lines = Uint32Array.from({ length: lines }, (_, line) => line)
    this.#batchOf = new Uint32Array(lines)
    this.#starts = new Float64Array(lines)
    this.#ends = new Float64Array(lines)
    this.#prefixes = new Float64Array(lines)
  }

  /** Answers whether that was the last one: then they are in order. */
  add(batch: LineBatch, start: number, end: number): boolean {
    const line = this.#count++
    if (this.#batches.at(-1) !== batch) this.#batches.push(batch)
    this.#batchOf[line] = this.#batches.length - 1
    this.#starts[line] = start
    this.#ends[line] = end
    this.#prefixes[line] = this.#by.prefix(batch.bytes, start, end)!
    if (this.#count < this.#lines.length) return false
    this.#sort()
    return true
  }

  next(): boolean {
    if (this.#next === this.#lines.length) return false
    const line = this.#lines[this.#next++]!
    this.bytes = this.#bytesOf(line)
    this.start = this.#starts[line]!
    this.end = this.#ends[line]!
    this.prefix = this.#prefixes[line]!
    return true
  }

  #bytesOf(line: number): Buffer {
    return this.#batches[this.#batchOf[line]!]!.bytes
  }

  #sort(): void {
    const prefixes = this.#prefixes
    const starts = this.#starts
    const ends = this.#ends
    this.#lines.sort((a, b) => {
      const byPrefix = prefixes[a]! - prefixes[b]!
      if (byPrefix !== 0) return byPrefix
      return this.#by.compare(this.#bytesOf(a), starts[a]!, ends[a]!, this.#bytesOf(b), starts[b]!, ends[b]!)
    })
  }
}
