import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { type ErrorCode, errorTable, GliderError } from './errors.ts'
import { encodeJson, parseJson } from './json-heads.ts'
import type { Hello } from './peer.ts'

const helloSchema = Compile(
  Type.Object({
    version: Type.Object({ major: Type.Integer(), minor: Type.Integer() }),
    role: Type.Enum(['client', 'metadata', 'storage', 'active']),
    clientId: Type.String({ minLength: 1, maxLength: 64 }),
    namespace: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    token: Type.Optional(Type.String({ maxLength: 4096 })),
    limits: Type.Object({ headBytes: Type.Integer({ minimum: 0 }), bodyBytes: Type.Integer({ minimum: 0 }) }),
  }),
)

/** Undefined where the head is no hello. */
export function parseHello(head: Buffer): Hello | undefined {
  try {
    const value = parseJson(head)
    return helloSchema.Check(value) ? value : undefined
  } catch {
    return undefined
  }
}

const errorSchema = Compile(
  Type.Object({
    code: Type.Enum(Object.keys(errorTable) as ErrorCode[]),
    message: Type.String(),
    outcome: Type.Optional(Type.Literal('unknown')),
    draining: Type.Optional(Type.Boolean()),
    stack: Type.Optional(Type.String()),
  }),
)

/** What the other side said went wrong; something that is no error head becomes a PROTOCOL_ERROR itself. */
export function parseErrorHead(head: Buffer): GliderError {
  try {
    const value = parseJson(head)
    if (errorSchema.Check(value)) return GliderError.fromWire(value)
  } catch {
    // No JSON is no error head either.
  }
  return new GliderError('PROTOCOL_ERROR', 'an error frame without an error in it')
}

/** Messages and stacks are cut, so that an error always fits into a head: a character takes up to 6 bytes in JSON. */
const MAX_ERROR_TEXT = 5_000

export function encodeError(error: GliderError): Buffer {
  const wire = error.toWire()
  const stack = wire.stack?.slice(0, MAX_ERROR_TEXT)
  return encodeJson({ ...wire, message: wire.message.slice(0, MAX_ERROR_TEXT), ...(stack && { stack }) })
}
