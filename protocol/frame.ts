/**
 * The wire format. A frame is a header of 16 bytes, little-endian, then a payload: a head, then raw bytes (the body).
 *
 *     0  u32  payload length: head and body together
 *     4  u8   kind
 *     5  u8   zero
 *     6  u16  operation (of requests and opens), otherwise zero
 *     8  u32  request or stream id: odd ones are given by the side that dialled, even ones by the side that accepted
 *    12  u32  length of the head
 */
export const HEADER_BYTES = 16
/** Largest body of one frame. */
export const MAX_BODY_BYTES = 1 << 20
/** Largest head of one frame. */
export const MAX_HEAD_BYTES = 64 << 10
/** Largest head of a hello: a stranger is given less memory. */
export const MAX_HELLO_BYTES = 16 << 10
export const PROTOCOL_VERSION = { major: 1, minor: 0 } as const

export const frameKind = {
  /** First frame of each side: version, limits, role, client id, token. JSON head. */
  hello: 1,
  /** Asks for an operation. The head is the operation's. */
  request: 2,
  /** Answers a request. The head is the operation's. */
  response: 3,
  /** Answers a request with a failure; with id 0, says why the connection is about to close. JSON head. */
  error: 4,
  /** Opens a stream. The head is the operation's. */
  open: 5,
  /** Bytes of a stream. No head. */
  data: 6,
  /** All bytes of this direction were sent. The accepting side's end may carry a JSON head: the outcome. */
  end: 7,
  /** Ends a stream at once, with an error; on a request, its asker no longer wants the answer. JSON head. */
  reset: 8,
  /** How far the other side may send, and how far what it sent has been taken: two f64, counted from the stream's first byte. */
  credit: 9,
  /** Asks for a sign of life. */
  ping: 10,
  pong: 11,
  /** This side takes no new requests and streams. */
  goaway: 12,
} as const

export type FrameKindName = keyof typeof frameKind
export type FrameKind = (typeof frameKind)[FrameKindName]

const kindNames = new Map<number, FrameKindName>(Object.entries(frameKind).map(([name, code]) => [code, name as FrameKindName]))

const kindsWithBody: ReadonlySet<number> = new Set([frameKind.request, frameKind.response, frameKind.data])

export interface FrameHeader {
  kind: FrameKind
  operation: number
  id: number
  headBytes: number
  bodyBytes: number
}

/** Why a header makes no sense, or undefined if it does. */
export function headerDefect(header: FrameHeader): string | undefined {
  if (!kindNames.has(header.kind)) return `unknown frame kind ${header.kind}`
  if (header.kind === frameKind.hello && header.headBytes > MAX_HELLO_BYTES)
    return `a hello of ${header.headBytes} bytes is over the limit of ${MAX_HELLO_BYTES}`
  if (header.headBytes > MAX_HEAD_BYTES) return `a head of ${header.headBytes} bytes is over the limit of ${MAX_HEAD_BYTES}`
  if (header.bodyBytes < 0) return `a head of ${header.headBytes} bytes is longer than its payload`
  if (header.bodyBytes > MAX_BODY_BYTES) return `a body of ${header.bodyBytes} bytes is over the limit of ${MAX_BODY_BYTES}`
  if (header.bodyBytes > 0 && !kindsWithBody.has(header.kind)) return 'a body where there is none'
  return undefined
}

export function readHeader(bytes: Buffer, at: number, into: FrameHeader): void {
  into.headBytes = bytes.readUInt32LE(at + 12)
  into.bodyBytes = bytes.readUInt32LE(at) - into.headBytes
  into.kind = bytes[at + 4] as FrameKind
  into.operation = bytes.readUInt16LE(at + 6)
  into.id = bytes.readUInt32LE(at + 8)
}

export function writeHeader(
  into: Buffer,
  at: number,
  kind: FrameKind,
  operation: number,
  id: number,
  headBytes: number,
  bodyBytes: number,
): void {
  into.writeUInt32LE(headBytes + bodyBytes, at)
  into[at + 4] = kind
  into[at + 5] = 0
  into.writeUInt16LE(operation, at + 6)
  into.writeUInt32LE(id, at + 8)
  into.writeUInt32LE(headBytes, at + 12)
}

/** One frame in one buffer, for tests and for the first frame of a connection. */
export function encodeFrame(kind: FrameKind, operation: number, id: number, head: Uint8Array, body: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + head.length + body.length)
  writeHeader(frame, 0, kind, operation, id, head.length, body.length)
  frame.set(head, HEADER_BYTES)
  frame.set(body, HEADER_BYTES + head.length)
  return frame
}

/** One line for logs. */
export function describeFrame(header: FrameHeader): string {
  const kind = kindNames.get(header.kind) ?? `kind ${header.kind}`
  return `${kind} op=${header.operation} id=${header.id} head=${header.headBytes} body=${header.bodyBytes}`
}
