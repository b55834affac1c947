import type { FileHandle } from '../store.ts'
import type { LineOrder } from './line-order.ts'
import type { Run } from './runs.ts'

const LF = 10
/** Read at once of each run. */
const BUFFER_BYTES = 256 * 1024

/** Sorted lines one after another. After `next` has answered true, `bytes` from `start` to `end` is the line, until it is called again. */
export interface SortedSource {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
  readonly prefix: number
  next(): boolean | Promise<boolean>
}

/** The lines of a run, a buffer at a time. */
export class RunReader implements SortedSource {
  readonly #handle: FileHandle
  readonly #order: LineOrder
  readonly #length: number
  readonly #signal: AbortSignal
  #position = 0
  bytes: Buffer = Buffer.allocUnsafeSlow(0)
  /** What of `bytes` has been read from the file. */
  #filled = 0
  start = 0
  end = -1
  prefix = 0

  private constructor(handle: FileHandle, order: LineOrder, length: number, signal: AbortSignal) {
    this.#handle = handle
    this.#order = order
    this.#length = length
    this.#signal = signal
  }

  static async open({ file, bytes }: Run, order: LineOrder, signal: AbortSignal): Promise<RunReader> {
    return new RunReader(await file.open({ signal }), order, bytes, signal)
  }

  next(): boolean | Promise<boolean> {
    this.start = this.end + 1
    return this.#take() || this.#refill()
  }

  close(): Promise<void> {
    return this.#handle.close()
  }

  #take(): boolean {
    const end = this.start < this.#filled ? this.bytes.subarray(0, this.#filled).indexOf(LF, this.start) : -1
    if (end === -1) return false
    this.end = end
    this.prefix = this.#order.prefix(this.bytes, this.start, end)!
    return true
  }

  async #refill(): Promise<boolean> {
    while (this.#position < this.#length) {
      const rest = this.#filled - this.start
      // A line that is longer than the buffer makes a greater one.
      const size = Math.max(BUFFER_BYTES, 2 * rest)
      const grown = size > this.bytes.length ? Buffer.allocUnsafeSlow(size) : this.bytes
      this.bytes.copy(grown, 0, this.start, this.#filled)
      this.bytes = grown
      const wanted = Math.min(grown.length - rest, this.#length - this.#position)
      const read = await this.#handle.read(this.#position, grown.subarray(rest, rest + wanted), { signal: this.#signal })
      if (read === 0) throw new Error(`a sorted run ended after ${this.#position} of ${this.#length} bytes`)
      this.#position += read
      this.#filled = rest + read
      this.start = 0
      if (this.#take()) return true
    }
    return false
  }
}

/** All lines of the sources in order, each followed by LF, in a buffer of about `bufferBytes`, which is lent until the next is asked for. */
export async function* mergedLines(
  sources: readonly SortedSource[],
  order: LineOrder,
  bufferBytes: number,
): AsyncGenerator<Buffer, void, undefined> {
  const isBefore = (a: SortedSource, b: SortedSource): boolean =>
    a.prefix === b.prefix ? order.compare(a.bytes, a.start, a.end, b.bytes, b.start, b.end) < 0 : a.prefix < b.prefix
  /** The source whose line is next is first: a heap. */
  const heap: SortedSource[] = []
  const settle = (): void => {
    const moved = heap[0]!
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++
      if (!isBefore(heap[below]!, moved)) break
      heap[at] = heap[below]!
      at = below
    }
    heap[at] = moved
  }
  for (const source of sources) {
    if (!(await source.next())) continue
    heap.unshift(source)
    // What is in order is a heap.
    heap.sort((a, b) => (isBefore(a, b) ? -1 : 1))
  }
  let out = Buffer.allocUnsafeSlow(bufferBytes)
  let at = 0
  while (heap.length > 0) {
    const first = heap[0]!
    const { bytes, start, end } = first
    if (at + end - start + 1 > out.length) {
      if (at > 0) yield out.subarray(0, at)
      if (end - start + 1 > out.length) out = Buffer.allocUnsafeSlow(end - start + 1)
      at = 0
    }
    bytes.copy(out, at, start, end)
    at += end - start
    out[at++] = LF
    const next = first.next()
    const more = typeof next === 'boolean' ? next : await next
    if (!more) {
      const last = heap.pop()!
      if (heap.length === 0) break
      if (last !== first) heap[0] = last
    }
    settle()
  }
  if (at > 0) yield out.subarray(0, at)
}
