import { createHmac, timingSafeEqual } from 'node:crypto'
import { GliderError, invariant } from './errors.ts'
import type { Generation } from './generation.ts'
import type { Grant } from './grant.ts'

/** What the holder of a location may do with it: `write` includes reading. */
export const purpose = { read: 1, write: 2, action: 3 } as const
export type Purpose = keyof typeof purpose

/**
 * Where a block (or the slot of an action object) is, and the proof that the holder may use it. Names a server by its
 * incarnation: one life of a server process, so that a location never outlives what it points at.
 */
export interface Location {
  readonly incarnation: string
  /** Number of the block, or of the slot, on that server. */
  readonly block: number
  readonly generation: Generation
  readonly purpose: Purpose
  readonly grant: Grant
  /** {@link PROOF_BYTES} bytes. */
  readonly proof: Buffer
}

export const PROOF_BYTES = 16
/** Random, in base64url: 9 bytes as text. */
export const INCARNATION_BYTES = 12
export const LOCATION_BYTES = INCARNATION_BYTES + 4 + 6 + 6 + 1 + 6 + 6 + PROOF_BYTES

const SIGNED_BYTES = LOCATION_BYTES - PROOF_BYTES
/** Where the number of the block, or of the slot, lies in the binary form. */
export const BLOCK_NUMBER_AT = INCARNATION_BYTES
const BLOCK_AT = BLOCK_NUMBER_AT
const EPOCH_AT = BLOCK_AT + 4
const COUNTER_AT = EPOCH_AT + 6
const PURPOSE_AT = COUNTER_AT + 6
const NAMESPACE_AT = PURPOSE_AT + 1
const TOKEN_AT = NAMESPACE_AT + 6
const PROOF_AT = TOKEN_AT + 6

/** Binary form, as the hot operations and the proof use it. */
export function writeLocation(location: Location, into: Buffer, at: number): void {
  writeSigned(location, into, at)
  location.proof.copy(into, at + PROOF_AT)
}

export function encodeLocation(location: Location): Buffer {
  const bytes = Buffer.allocUnsafe(LOCATION_BYTES)
  writeLocation(location, bytes, 0)
  return bytes
}

/** @throws GliderError PROTOCOL_ERROR where the bytes are no location */
export function readLocation(bytes: Buffer, at = 0): Location {
  if (bytes.length < at + LOCATION_BYTES) throw new GliderError('PROTOCOL_ERROR', 'a location is cut short')
  return {
    incarnation: bytes.toString('latin1', at, at + INCARNATION_BYTES),
    block: bytes.readUInt32LE(at + BLOCK_AT),
    generation: { epoch: bytes.readUIntLE(at + EPOCH_AT, 6), counter: bytes.readUIntLE(at + COUNTER_AT, 6) },
    purpose: purposeOf(bytes[at + PURPOSE_AT]!),
    grant: { namespace: bytes.readUIntLE(at + NAMESPACE_AT, 6), token: bytes.readUIntLE(at + TOKEN_AT, 6) },
    proof: Buffer.from(bytes.subarray(at + PROOF_AT, at + LOCATION_BYTES)),
  }
}

/** Proves that whoever holds `key` (a server and its metadata server) gave the location out: HMAC-SHA-256, cut to 16 bytes. */
export function proofOf(location: Omit<Location, 'proof'>, key: Buffer): Buffer {
  const signed = Buffer.allocUnsafe(SIGNED_BYTES)
  writeSigned(location, signed, 0)
  return createHmac('sha256', key).update(signed).digest().subarray(0, PROOF_BYTES)
}

export function sign(location: Omit<Location, 'proof'>, key: Buffer): Location {
  return { ...location, proof: proofOf(location, key) }
}

/** @throws GliderError FORBIDDEN */
export function verifyProof(location: Location, key: Buffer): void {
  if (!timingSafeEqual(proofOf(location, key), location.proof)) {
    throw new GliderError(
      'FORBIDDEN',
      `the proof for block ${location.block} does not fit: ask the metadata server for a location`,
    )
  }
}

function writeSigned(location: Omit<Location, 'proof'>, into: Buffer, at: number): void {
  invariant(location.incarnation.length === INCARNATION_BYTES, 'an incarnation fills its place')
  into.write(location.incarnation, at, INCARNATION_BYTES, 'latin1')
  into.writeUInt32LE(location.block, at + BLOCK_AT)
  into.writeUIntLE(location.generation.epoch, at + EPOCH_AT, 6)
  into.writeUIntLE(location.generation.counter, at + COUNTER_AT, 6)
  into[at + PURPOSE_AT] = purpose[location.purpose]
  into.writeUIntLE(location.grant.namespace, at + NAMESPACE_AT, 6)
  into.writeUIntLE(location.grant.token, at + TOKEN_AT, 6)
}

function purposeOf(code: number): Purpose {
  if (code === purpose.read) return 'read'
  if (code === purpose.write) return 'write'
  if (code === purpose.action) return 'action'
  throw new GliderError('PROTOCOL_ERROR', `a location has the unknown purpose ${code}`)
}
