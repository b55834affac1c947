import { splitAddress } from '../protocol/dial.system.ts'
import { GliderError } from '../protocol/errors.ts'

export interface Address {
  /** host:port */
  readonly host: string
  readonly webSocket: boolean
  readonly isSecure: boolean
}

/** @throws GliderError INVALID_ARGUMENT */
export function parseAddress(address: string): Address {
  const match = /^(?:(https?|wss?):\/\/)?([^/]+)\/?$/.exec(address)
  if (!match) throw new GliderError('INVALID_ARGUMENT', `${JSON.stringify(address)} is no address: write http://host:port`)
  const [, scheme = 'http', host] = match
  splitAddress(host!)
  return { host: host!, webSocket: scheme.startsWith('ws'), isSecure: scheme === 'https' || scheme === 'wss' }
}
