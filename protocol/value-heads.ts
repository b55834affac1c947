/**
 * Binary heads of the operations that are asked for most, `put` and `get`, where nothing is asked for but the bytes themselves.
 * All else has its head in JSON, which begins with another byte; whoever asks in JSON is answered in JSON.
 *
 *     0  u8   1: named by a path; 2: named by a key of a table
 *     1  u16  `blocks` of a get, and 1; 0 for none
 *     3  f64  sequence; 0 for none
 *    11  f64  acknowledged
 *    19  f64  the table
 *    27  the path or key, in UTF-8
 *
 * The answer to such a put is `stored` in a byte and `inlineBytes` as u32; the answer to such a get has no head at all where the
 * bytes are its body, and is in JSON where they are not.
 */
import { GliderError } from './errors.ts'

/** Numbers of a changing operation. */
export interface Numbers {
  readonly sequence: number
  readonly acknowledged: number
}

/** The binary form of the heads of one operation, or of its answers. */
export interface HeadCodec<T> {
  /** Undefined for what has no binary form. */
  encode(value: T, numbers?: Numbers): Buffer | undefined
  /** @throws GliderError INVALID_ARGUMENT */
  decode(bytes: Buffer): T
}

interface ValueHead {
  readonly path?: string
  readonly node?: number
  readonly key?: string
}
interface PutHead extends ValueHead, Partial<Numbers> {
  readonly parents?: boolean
  readonly storageClass?: string | string[]
  readonly near?: string
}
interface GetHead extends ValueHead {
  readonly blocks?: number
}
interface PutAnswer {
  readonly stored: boolean
  readonly inlineBytes: number
}

const BY_PATH = 1
const BY_KEY = 2
const FIXED_BYTES = 27
const MOST_BLOCKS = 256

export const putHead: HeadCodec<PutHead> = {
  encode(head, numbers) {
    if (head.parents !== undefined || head.storageClass !== undefined || head.near !== undefined) return undefined
    return encode(head, 0, numbers?.sequence ?? 0, numbers?.acknowledged ?? 0)
  },
  decode(bytes) {
    const kind = kindOf(bytes, 'put')
    const sequence = wholeAt(bytes, 3, 'sequence')
    const acknowledged = wholeAt(bytes, 11, 'acknowledged')
    const name = bytes.toString('utf8', FIXED_BYTES)
    if (bytes.readUInt16LE(1) !== 0) throw new GliderError('INVALID_ARGUMENT', 'put: unknown field blocks')
    if (kind === BY_PATH) return sequence === 0 ? { path: name } : { path: name, sequence, acknowledged }
    const node = wholeAt(bytes, 19, 'node')
    return sequence === 0 ? { node, key: name } : { node, key: name, sequence, acknowledged }
  },
}

export const getHead: HeadCodec<GetHead> = {
  encode: head => encode(head, head.blocks === undefined ? 0 : head.blocks + 1, 0, 0),
  decode(bytes) {
    const kind = kindOf(bytes, 'get')
    const name = bytes.toString('utf8', FIXED_BYTES)
    const blocks = bytes.readUInt16LE(1) - 1
    if (blocks > MOST_BLOCKS) throw new GliderError('INVALID_ARGUMENT', `get: blocks must be <= ${MOST_BLOCKS}`)
    if (kind === BY_PATH) return blocks < 0 ? { path: name } : { path: name, blocks }
    const node = wholeAt(bytes, 19, 'node')
    return blocks < 0 ? { node, key: name } : { node, key: name, blocks }
  },
}

export const putAnswer: HeadCodec<PutAnswer> = {
  encode({ stored, inlineBytes }) {
    const bytes = Buffer.allocUnsafe(5)
    bytes[0] = stored ? 1 : 0
    bytes.writeUInt32LE(inlineBytes, 1)
    return bytes
  },
  decode(bytes) {
    if (bytes.length !== 5 || bytes[0]! > 1) throw new GliderError('PROTOCOL_ERROR', 'answer to put: it cannot be read')
    return { stored: bytes[0] === 1, inlineBytes: bytes.readUInt32LE(1) }
  },
}

const NOTHING = Buffer.alloc(0)

/** An empty head is an object without fields, in JSON and here alike. */
export const getAnswer = {
  encode: ({ opened }: { readonly opened?: unknown }): Buffer | undefined => (opened === undefined ? NOTHING : undefined),
  decode(): never {
    throw new GliderError('PROTOCOL_ERROR', 'answer to get: it cannot be read')
  },
}

function encode({ path, node, key }: ValueHead, blocks: number, sequence: number, acknowledged: number): Buffer | undefined {
  const byPath = path !== undefined
  if (byPath ? node !== undefined || key !== undefined : node === undefined || key === undefined) return undefined
  const name = byPath ? path : key!
  // What makes no sense is left to JSON, which can say it, and to whoever refuses it: UTF-8 has no unpaired surrogates.
  if (typeof name !== 'string' || !name.isWellFormed() || blocks > MOST_BLOCKS + 1) return undefined
  const bytes = Buffer.allocUnsafe(FIXED_BYTES + Buffer.byteLength(name))
  bytes[0] = byPath ? BY_PATH : BY_KEY
  bytes.writeUInt16LE(blocks, 1)
  bytes.writeDoubleLE(sequence, 3)
  bytes.writeDoubleLE(acknowledged, 11)
  bytes.writeDoubleLE(node ?? 0, 19)
  bytes.write(name, FIXED_BYTES)
  return bytes
}

function kindOf(bytes: Buffer, operation: string): number {
  const kind = bytes[0]
  if (bytes.length >= FIXED_BYTES && (kind === BY_PATH || kind === BY_KEY)) return kind
  throw new GliderError('INVALID_ARGUMENT', `${operation}: the head is neither JSON nor in the binary form`)
}

function wholeAt(bytes: Buffer, at: number, name: string): number {
  const value = bytes.readDoubleLE(at)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new GliderError('INVALID_ARGUMENT', `${name} must be a whole number`)
}
