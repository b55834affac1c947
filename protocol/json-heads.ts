import { GliderError } from './errors.ts'
import type { Numbers } from './value-heads.ts'

const OPENING_BRACE = 0x7b

/** @throws GliderError INVALID_ARGUMENT */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) return {}
  try {
    return JSON.parse(bytes.toString())
  } catch (cause) {
    throw new GliderError('INVALID_ARGUMENT', `the head is not JSON: ${(cause as Error).message}`, { cause })
  }
}

/** @param numbers go behind the fields of `value`, which is an object */
export function encodeJson(value: unknown, numbers?: Numbers): Buffer {
  const text = JSON.stringify(value)
  if (!numbers) return Buffer.from(text)
  const { sequence, acknowledged } = numbers
  return Buffer.from(`${text.slice(0, -1)}${text === '{}' ? '' : ','}"sequence":${sequence},"acknowledged":${acknowledged}}`)
}

/** Whether a head is in another form than JSON. An empty one is an object without fields. */
export function isBinary(head: Buffer): boolean {
  return head.length > 0 && head[0] !== OPENING_BRACE
}
