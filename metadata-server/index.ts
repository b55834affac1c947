import { parseSize } from '../protocol/units.ts'
import type { LogLevel } from '../server/log.ts'
import type { RunningServer } from '../server/process.ts'
import { realSystem } from '../server/system.ts'
import { startMetadataServer } from './start.ts'

export interface LocalMetadataServer {
  readonly port: number
  readonly blockSize: string | number
  readonly logLevel: LogLevel
}

/** Starts a metadata server within this process, on the loopback. */
export function startLocalMetadataServer({ port, blockSize, logLevel }: LocalMetadataServer): Promise<RunningServer> {
  return startMetadataServer(
    { host: '127.0.0.1', port, blockBytes: parseSize(blockSize) },
    realSystem('metadata-server', logLevel),
  )
}
