import type { Limits } from '../protocol/limits.ts'
import { parseSize } from '../protocol/units.ts'
import type { LogLevel } from '../server/log.ts'
import type { RunningServer } from '../server/process.ts'
import { realSystem } from '../server/system.ts'
import { type StorageChoice, storageConfig } from './config.ts'
import { startStorageServer } from './storage-server.ts'

export { type StorageChoice, type StorageKind, storageKinds } from './config.ts'
export type { PrefaultChoice } from './prefault.ts'

export interface LocalStorageServer extends StorageChoice {
  readonly metadata: string
  readonly capacity: string | number
  readonly spin?: boolean | undefined
  readonly secret?: string | undefined
  readonly limits?: Partial<Limits>
  readonly logLevel: LogLevel
}

/** Starts a storage server within this process, on any free port of the loopback. */
export async function startLocalStorageServer(options: LocalStorageServer): Promise<RunningServer> {
  const { metadata, capacity, spin = false, limits, secret, logLevel } = options
  const common = { host: '127.0.0.1', port: 0, metadata, capacityBytes: parseSize(capacity), spin, limits, secret }
  return startStorageServer(storageConfig(common, options), realSystem('storage-server', logLevel))
}
