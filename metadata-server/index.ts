import type { Limits } from '../protocol/limits.ts'
import { parseDuration, parseSizeWithin } from '../protocol/units.ts'
import type { LogLevel } from '../server/log.ts'
import type { RunningServer } from '../server/process.ts'
import { realSystem } from '../server/system.ts'
import { serverTls, type TlsFlags } from '../server/tls.ts'
import { LEAST_BLOCK_BYTES, MOST_BLOCK_BYTES } from './config.ts'
import { startMetadataServer } from './start.ts'

export interface LocalMetadataServer {
  readonly port: number
  readonly blockSize: string | number
  readonly storageClasses: readonly string[]
  /** A server that has given no sign of life for so long is dead. */
  readonly deadAfter: string | number
  readonly stateDir?: string
  readonly spin?: boolean
  readonly secret?: string | undefined
  readonly tls?: TlsFlags | undefined
  readonly adminToken?: string | undefined
  readonly limits?: Partial<Limits>
  readonly logLevel: LogLevel
}

/** Starts a metadata server within this process, on the loopback. */
export async function startLocalMetadataServer(options: LocalMetadataServer): Promise<RunningServer> {
  const { port, blockSize, storageClasses, deadAfter, stateDir, spin, limits, secret, adminToken, tls = {}, logLevel } = options
  const blockBytes = parseSizeWithin(blockSize, LEAST_BLOCK_BYTES, MOST_BLOCK_BYTES)
  const sizes = { blockBytes, deadAfterMs: parseDuration(deadAfter) }
  const guard = { secret, adminToken, tls: serverTls(tls) }
  return startMetadataServer(
    { host: '127.0.0.1', port, storageClasses, spin, limits, ...guard, ...sizes, ...(stateDir !== undefined && { stateDir }) },
    realSystem('metadata-server', logLevel),
  )
}
