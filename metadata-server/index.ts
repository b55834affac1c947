import type { Limits } from '../protocol/limits.ts'
import { parseDuration, parseSize } from '../protocol/units.ts'
import type { LogLevel } from '../server/log.ts'
import type { RunningServer } from '../server/process.ts'
import { realSystem } from '../server/system.ts'
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
  readonly adminToken?: string | undefined
  readonly limits?: Partial<Limits>
  readonly logLevel: LogLevel
}

/** Starts a metadata server within this process, on the loopback. */
export function startLocalMetadataServer(options: LocalMetadataServer): Promise<RunningServer> {
  const { port, blockSize, storageClasses, deadAfter, stateDir, spin, limits, secret, adminToken, logLevel } = options
  const sizes = { blockBytes: parseSize(blockSize), deadAfterMs: parseDuration(deadAfter) }
  const guard = { secret, adminToken }
  return startMetadataServer(
    { host: '127.0.0.1', port, storageClasses, spin, limits, ...guard, ...sizes, ...(stateDir !== undefined && { stateDir }) },
    realSystem('metadata-server', logLevel),
  )
}
