/** Head of the hot operation on actions: the location, and behind it, as JSON, what few streams have. */
import { GliderError } from './errors.ts'
import { LOCATION_BYTES } from './location.ts'

export interface WholeOptions {
  readonly key?: string | undefined
  readonly chain?: readonly string[] | undefined
}

const NONE: WholeOptions = {}

export function wholeHead(location: Buffer, { key, chain = [] }: WholeOptions): Buffer {
  if (key === undefined && chain.length === 0) return location
  const options = { ...(key !== undefined && { key }), ...(chain.length > 0 && { chain }) }
  return Buffer.concat([location, Buffer.from(JSON.stringify(options))])
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
