/**
 * Heads of the hot operations on blocks. Both begin with the location ({@link LOCATION_BYTES}), then a u32 offset into the
 * block; `readBlock` adds a u32 length. The answers have no head: that of a read has the bytes as its body.
 */
import { GliderError } from './errors.ts'
import { LOCATION_BYTES } from './location.ts'

export const WRITE_HEAD_BYTES = LOCATION_BYTES + 4
export const READ_HEAD_BYTES = LOCATION_BYTES + 8

/** Heads for one location, of which only the range differs from operation to operation. */
export function writeHead(location: Buffer, offset: number): Buffer {
  const head = Buffer.allocUnsafe(WRITE_HEAD_BYTES)
  location.copy(head)
  head.writeUInt32LE(offset, LOCATION_BYTES)
  return head
}

export function readHead(location: Buffer, offset: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(READ_HEAD_BYTES)
  location.copy(head)
  head.writeUInt32LE(offset, LOCATION_BYTES)
  head.writeUInt32LE(length, LOCATION_BYTES + 4)
  return head
}

/** @throws GliderError PROTOCOL_ERROR where the head is too short for the operation */
export function checkBlockHead(head: Buffer, bytes: number): void {
  if (head.length < bytes)
    throw new GliderError('PROTOCOL_ERROR', `the head of a block operation has ${head.length} bytes instead of ${bytes}`)
}

export function offsetOf(head: Buffer): number {
  return head.readUInt32LE(LOCATION_BYTES)
}

export function lengthOf(head: Buffer): number {
  return head.readUInt32LE(LOCATION_BYTES + 4)
}
