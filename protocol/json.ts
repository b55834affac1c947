/** The largest value of a call, each way, in bytes of JSON. */
export const MAX_CALL_BYTES = 1024 * 1024

/**
 * `value` as JSON; undefined becomes null. Throws a TypeError that says why where something would be lost: what JSON has no
 * word for, a cycle, or more than `maxBytes`.
 */
export function toJson(value: unknown, maxBytes: number): string {
  // Undefined where a value says so itself, by its toJSON.
  const text = (JSON.stringify(value ?? null, refuseLoss) as string | undefined) ?? 'null'
  const bytes = Buffer.byteLength(text)
  if (bytes > maxBytes) throw new TypeError(`it has ${bytes} bytes of JSON, more than ${maxBytes}`)
  return text
}

function refuseLoss(key: string, value: unknown): unknown {
  const lost = lostKind(value)
  if (lost) throw new TypeError(`JSON cannot carry ${lost}${key === '' ? '' : ` (at ${JSON.stringify(key)})`}`)
  return value
}

function lostKind(value: unknown): string | undefined {
  switch (typeof value) {
    case 'bigint':
      return 'a BigInt'
    case 'function':
      return 'a function'
    case 'symbol':
      return 'a symbol'
    case 'number':
      return Number.isFinite(value) ? undefined : String(value)
    default:
      return value instanceof Map ? 'a Map' : value instanceof Set ? 'a Set' : undefined
  }
}
