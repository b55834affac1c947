import { parseSize } from '../protocol/units.ts'
import type { LogLevel } from '../server/log.ts'
import type { RunningServer } from '../server/process.ts'
import { realSystem } from '../server/system.ts'
import { startStorageServer } from './storage-server.ts'

export interface LocalStorageServer {
  readonly metadata: string
  readonly capacity: string | number
  readonly storageClass?: string
  readonly logLevel: LogLevel
}

/** Starts a storage server within this process, on any free port of the loopback. */
export function startLocalStorageServer({
  metadata,
  capacity,
  storageClass = 'dram',
  logLevel,
}: LocalStorageServer): Promise<RunningServer> {
  const config = { host: '127.0.0.1', port: 0, metadata, capacityBytes: parseSize(capacity), storageClass }
  return startStorageServer(config, realSystem('storage-server', logLevel))
}
