/** Operations of one size through direct streams, so many of them under way. */
import type { ActionNode, ActionReader } from '../../client/index.ts'
import { actionRead } from '../store-figures.ts'
import type { Direction, Kind } from './kinds.ts'

/** What an action writes comes in pieces of at most so many bytes, each of which fulfils one read. */
const PIECE_BYTES = 256 << 10

/**
 * Reads a stream to its end, operation by operation. One that is larger than a piece fills its buffer by several reads in order,
 * which is why only one of those is under way at a time.
 */
export async function actionReadWhole(node: ActionNode, opBytes: number, totalBytes: number, batch: number): Promise<void> {
  if (opBytes <= PIECE_BYTES) {
    await actionRead(node, opBytes, totalBytes, batch)
    return
  }
  const reader = await node.openReader()
  const into = Buffer.allocUnsafeSlow(opBytes)
  let received = 0
  for (let bytes = await fill(reader, into); bytes > 0; bytes = await fill(reader, into)) received += bytes
  if (received !== totalBytes) throw new Error(`the action gave ${received} bytes instead of ${totalBytes}`)
  await reader.close()
}

/** Answers less than the buffer holds only at the end. */
async function fill(reader: ActionReader, into: Buffer): Promise<number> {
  let filled = 0
  for (let bytes = -1; bytes !== 0 && filled < into.length; filled += bytes) {
    bytes = await reader.read(filled === 0 ? into : into.subarray(filled))
  }
  return filled
}

/** Operations under way that are tried for a size: up to 256, and up to 8 MiB or two of them. */
export function batchesFor(direction: Direction, kind: Kind, opBytes: number): readonly number[] {
  if (direction === 'read' && kind === 'action' && opBytes > PIECE_BYTES) return [1]
  const most = 256
  const widest = Math.min(most, Math.max(2, (8 << 20) / opBytes))
  return [widest / 8, widest / 4, widest / 2, widest].filter(batch => batch >= 1)
}
