import { copyLine, viewOf } from './copy-line.ts'
import type { LineBatch } from './line-batch.ts'
import type { LineOrder } from './line-order.ts'
import { orderOf } from './prefix-order.ts'

/** Bytes that sorting takes for each line. */
export const SORT_COST_OF_LINE = 40

/** All lines of the batches in order, each followed by LF, in buffers of about `bufferBytes`. */
export function* sortedLines(
  batches: readonly LineBatch[],
  by: LineOrder,
  bufferBytes: number,
): Generator<Buffer, void, undefined> {
  const order = sortOrder(batches, by)
  let out = Buffer.allocUnsafeSlow(bufferBytes)
  let view = viewOf(out)
  let at = 0
  for (const line of order.lines) {
    const batch = batches[order.batchOf[line]!]!
    const start = order.starts[line]!
    const length = order.ends[line]! - start
    if (at + length + 1 > out.length) {
      if (at > 0) yield out.subarray(0, at)
      out = Buffer.allocUnsafeSlow(Math.max(bufferBytes, length + 1))
      view = viewOf(out)
      at = 0
    }
    copyLine(batch.view, start, start + length, view, at)
    at += length
    out[at++] = 10
  }
  if (at > 0) yield out.subarray(0, at)
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
