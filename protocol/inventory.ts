/**
 * What a server holds, as it tells the metadata server: rows of fixed length, because there may be millions. A row is the number of
 * the block or slot (4 bytes), the bytes written into it (4), epoch and counter of its generation (8 each), all little-endian.
 */
import { GliderError } from './errors.ts'

export interface InventoryRow {
  /** Number of the block or slot. */
  readonly index: number
  readonly epoch: number
  readonly counter: number
  /** Written into the block; 0 for a slot. */
  readonly bytes: number
}

const ROW_BYTES = 24

/** So many rows go with one answer. */
export const INVENTORY_ROWS = 4 << 10

export function encodeInventory(rows: readonly InventoryRow[]): Buffer {
  const body = Buffer.allocUnsafe(rows.length * ROW_BYTES)
  for (const [at, { index, epoch, counter, bytes }] of rows.entries()) {
    const start = at * ROW_BYTES
    body.writeUInt32LE(index, start)
    body.writeUInt32LE(bytes, start + 4)
    body.writeDoubleLE(epoch, start + 8)
    body.writeDoubleLE(counter, start + 16)
  }
  return body
}

/** @throws GliderError PROTOCOL_ERROR for a body that ends within a row */
export function decodeInventory(body: Buffer): InventoryRow[] {
  if (body.length % ROW_BYTES !== 0) {
    throw new GliderError('PROTOCOL_ERROR', `an inventory of ${body.length} bytes does not consist of rows of ${ROW_BYTES}`)
  }
  const rows: InventoryRow[] = []
  for (let start = 0; start < body.length; start += ROW_BYTES) {
    rows.push({
      index: body.readUInt32LE(start),
      bytes: body.readUInt32LE(start + 4),
      epoch: body.readDoubleLE(start + 8),
      counter: body.readDoubleLE(start + 16),
    })
  }
  return rows
}
