import type { LogLevel } from '../server/log.ts'
import type { RunningServer } from '../server/process.ts'
import { realSystem } from '../server/system.ts'
import { startActiveServer } from './active-server.ts'

export interface LocalActiveServer {
  readonly metadata: string
  readonly slots: number
  readonly threads: number
  readonly logLevel: LogLevel
}

/** Starts an active server within this process, on any free port of the loopback. */
export function startLocalActiveServer({ logLevel, ...config }: LocalActiveServer): Promise<RunningServer> {
  return startActiveServer({ host: '127.0.0.1', port: 0, ...config }, realSystem('active-server', logLevel))
}
