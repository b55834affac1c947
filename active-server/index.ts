import type { Limits } from '../protocol/limits.ts'
import { parseDuration, parseSizeWithin } from '../protocol/units.ts'
import type { LogLevel } from '../server/log.ts'
import type { Leave, RunningServer } from '../server/process.ts'
import { realSystem } from '../server/system.ts'
import { serverTls, type TlsFlags } from '../server/tls.ts'
import { DEFAULT_THREAD_MEMORY_BYTES, DEFAULT_TURN_TIMEOUT_MS, startActiveServer } from './active-server.ts'
import { LEAST_THREAD_MEMORY_BYTES } from './memory-watch.ts'

export interface LocalActiveServer {
  readonly metadata: string
  readonly namespace?: string
  readonly slots: number
  readonly threads: number
  /** `10s`, or milliseconds. */
  readonly turnTimeout?: string | number
  /** `512MiB`, or bytes. */
  readonly threadMemory?: string | number
  readonly spin?: boolean
  readonly secret?: string | undefined
  readonly tls?: TlsFlags | undefined
  readonly limits?: Partial<Limits>
  readonly logLevel: LogLevel
}

/** Starts an active server within this process, on any free port of the loopback. */
export async function startLocalActiveServer(options: LocalActiveServer, left?: Leave): Promise<RunningServer> {
  const { logLevel, tls = {}, turnTimeout = DEFAULT_TURN_TIMEOUT_MS, ...rest } = options
  const { threadMemory = DEFAULT_THREAD_MEMORY_BYTES, ...config } = rest
  const threadMemoryBytes = parseSizeWithin(threadMemory, LEAST_THREAD_MEMORY_BYTES)
  const perThread = { turnTimeoutMs: parseDuration(turnTimeout), threadMemoryBytes }
  return startActiveServer(
    { host: '127.0.0.1', port: 0, ...config, ...perThread, tls: serverTls(tls) },
    realSystem('active-server', logLevel),
    left,
  )
}
