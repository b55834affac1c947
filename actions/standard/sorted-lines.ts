import { copyLine, viewOf } from './copy-line.ts'
import type { LineBatch } from './line-batch.ts'
import type { LineOrder } from './line-order.ts'
import { orderOf } from './prefix-order.ts'

const LF = 10

/** Bytes that sorting takes for each line. */
export const SORT_COST_OF_LINE = 40

/** All lines of the batches in order, each followed by LF, in buffers of about `bufferBytes`. */
export function* sortedLines(
  batches: readonly LineBatch[],
  by: LineOrder,
  bufferBytes: number,
): Generator<Buffer, void, undefined> {
  const order = sortOrder(batches, by)
  const views = batches.map(({ view }) => view)
  for (let from = 0; from < order.lines.length; ) {
    const first = order.lines[from]!
    const out = Buffer.allocUnsafeSlow(Math.max(bufferBytes, order.ends[first]! - order.starts[first]! + 1))
    const { next, length } = copyLines(order, views, from, viewOf(out))
    yield out.subarray(0, length)
    from = next
  }
}

/** Copies lines from the one at `from` in the order on, as long as there is room. Not part of the generator, whose loops V8 does not make fast. */
function copyLines(
  { lines, batchOf, starts, ends }: SortOrder,
  views: readonly DataView[],
  from: number,
  out: DataView,
): { next: number; length: number } {
  const room = out.byteLength
  let length = 0
  let next = from
  for (; next < lines.length; next++) {
    const line = lines[next]!
    const start = starts[line]!
    const end = ends[line]!
    if (length + end - start + 1 > room) break
    copyLine(views[batchOf[line]!]!, start, end, out, length)
    length += end - start
    out.setUint8(length++, LF)
  }
  return { next, length }
}

interface SortOrder {
  /** Numbers of lines, counted through all batches, in order. */
  readonly lines: Uint32Array
  readonly batchOf: Uint32Array
  readonly starts: Uint32Array
  readonly ends: Uint32Array
}

function sortOrder(batches: readonly LineBatch[], by: LineOrder): SortOrder {
  const count = batches.reduce((sum, batch) => sum + batch.lines, 0)
  const batchOf = new Uint32Array(count)
  const starts = new Uint32Array(count)
  const ends = new Uint32Array(count)
  const prefixes = new Float64Array(count)
  let next = 0
  for (const [number, batch] of batches.entries()) {
    for (let line = 0; line < batch.lines; line++, next++) {
      batchOf[next] = number
      starts[next] = batch.start(line)
      ends[next] = batch.end(line)
      prefixes[next] = by.prefix(batch.bytes, starts[next]!, ends[next]!)!
    }
  }
  const lines = orderOf(prefixes, (a, b) => {
    const bytesOfA = batches[batchOf[a]!]!.bytes
    return by.compare(bytesOfA, starts[a]!, ends[a]!, batches[batchOf[b]!]!.bytes, starts[b]!, ends[b]!)
  })
  return { lines, batchOf, starts, ends }
}
