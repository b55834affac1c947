import { GliderError } from './errors.ts'
import { formatSize } from './units.ts'

/** What one server takes on. At each of these, new work is refused with BUSY, or held back until there is room: nothing dies of it. */
export interface Limits {
  /** Connections with frames, and as many others to the HTTP face. */
  readonly connections: number
  /** Streams open on one connection. */
  readonly streams: number
  /** Requests of one connection under way. */
  readonly operations: number
  /** Bytes that are held for one connection: what its streams may send ahead, and bodies of requests under way. */
  readonly connectionBytes: number
  /** The same for all connections together. */
  readonly bufferBytes: number
}

export const defaultLimits: Limits = {
  connections: 16_384,
  streams: 4096,
  operations: 4096,
  connectionBytes: 320 << 20,
  bufferBytes: 1 << 30,
}

/** What is said about a server, as flags of its command line. */
export const limitFlags = {
  connections: '--max-connections',
  streams: '--max-streams',
  operations: '--max-operations',
  connectionBytes: '--connection-memory',
  bufferBytes: '--buffer-memory',
} as const satisfies Record<keyof Limits, string>

const LEAST_BYTES = 1 << 20

/** @throws GliderError INVALID_ARGUMENT */
export function verifyLimits(given: Partial<Limits> = {}): Limits {
  const limits = { ...defaultLimits, ...given }
  for (const name of Object.keys(limitFlags) as (keyof Limits)[]) {
    const least = name.endsWith('Bytes') ? LEAST_BYTES : 1
    if (Number.isSafeInteger(limits[name]) && limits[name] >= least) continue
    throw new GliderError('INVALID_ARGUMENT', `the limit ${name} (${limitFlags[name]}) has to be a whole number from ${least}`)
  }
  return Object.freeze(limits)
}

/** The error of what is refused at a limit: it says which, and what to do. */
export function atLimit(name: keyof Limits, limits: Limits): GliderError {
  const { connections, streams, operations, connectionBytes, bufferBytes } = limits
  const flag = limitFlags[name]
  const limit = `which is the limit of this server (${flag})`
  switch (name) {
    case 'connections':
      return new GliderError('BUSY', `${connections} connections are open, ${limit}: close some, or ask another server`)
    case 'streams':
      return new GliderError('BUSY', `this connection has ${streams} streams open, ${limit}: close some, or use another`)
    case 'operations':
      return new GliderError(
        'BUSY',
        `this connection has ${operations} operations under way, ${limit}: wait for answers, or use another`,
      )
    case 'connectionBytes':
      return new GliderError(
        'BUSY',
        `this connection has ${formatSize(connectionBytes)} buffered or promised, ${limit}: wait until some was taken, or use another`,
      )
    case 'bufferBytes':
      return new GliderError(
        'BUSY',
        `${formatSize(bufferBytes)} are buffered or promised to all connections, ${limit}: try again later`,
      )
  }
}
