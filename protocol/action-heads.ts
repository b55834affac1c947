/** Head of the hot operation on actions: the location, and behind it, as JSON, what few streams have. */
import { GliderError } from './errors.ts'
import { LOCATION_BYTES } from './location.ts'
import { hasOrigin, type Origin, originFields } from './origin.ts'

export interface WholeOptions extends Origin {
  readonly key?: string | undefined
}

const NONE: WholeOptions = {}

export function wholeHead(location: Buffer, options: WholeOptions): Buffer {
  const { key } = options
  if (key === undefined && !hasOrigin(options)) return location
  const sent = { ...(key !== undefined && { key }), ...originFields(options) }
  return Buffer.concat([location, Buffer.from(JSON.stringify(sent))])
}

/**
 * What stands behind the location.
 * @param parse checks it, as the catalogue says
 * @throws GliderError PROTOCOL_ERROR
 */
export function wholeOptions(head: Buffer, parse: (value: unknown) => WholeOptions): WholeOptions {
  if (head.length <= LOCATION_BYTES) return NONE
  let value: unknown
  try {
    value = JSON.parse(head.toString('utf8', LOCATION_BYTES))
  } catch (cause) {
    throw new GliderError('PROTOCOL_ERROR', 'what stands behind the location is not JSON', { cause })
  }
  return parse(value)
}
