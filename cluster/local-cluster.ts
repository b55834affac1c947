import { startLocalActiveServer } from '../active-server/index.ts'
import { GliderError } from '../client/index.ts'
import { startLocalMetadataServer } from '../metadata-server/index.ts'
import { startLocalStorageServer } from '../storage-server/index.ts'
import { ChildServer, type ServerRole } from './child-server.ts'
import { assertReady } from './readiness.ts'

export interface LocalClusterOptions {
  /** @default 1 */
  readonly storageServers?: number
  /** @default 1 */
  readonly activeServers?: number
  /** Memory for blocks of each storage server: `64MiB`, or bytes. @default '512MiB' */
  readonly capacity?: string | number
  /** Room for action objects on each active server. @default 64 */
  readonly slots?: number
  /** Action threads of each active server. @default 2 */
  readonly threads?: number
  /** Runs all servers within this process: quicker to start, but not what production is like. @default false */
  readonly inProcess?: boolean
  /** @default '1MiB' */
  readonly blockSize?: string | number
  /** Of the metadata server; 0 takes any free one. @default 0 */
  readonly port?: number
  /** What servers write to stderr. @default 'error' */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/** One server of a local cluster. */
export interface LocalServer {
  readonly role: ServerRole
  /** host:port */
  readonly address: string
  /** Of its process; undefined where it runs within this one. */
  readonly pid?: number
  stop(): Promise<void>
}

const defaults = {
  storageServers: 1,
  activeServers: 1,
  capacity: '512MiB',
  slots: 64,
  threads: 2,
  inProcess: false,
  blockSize: '1MiB',
  port: 0,
  logLevel: 'error',
} as const satisfies Required<LocalClusterOptions>

/** A whole cluster on this machine, for a laptop, a test or a demo. Disposable: `await using cluster = await LocalCluster.start()`. */
export class LocalCluster implements AsyncDisposable {
  /** What `StoreClient.connect` takes. */
  readonly address: string
  readonly servers: readonly LocalServer[]

  private constructor(servers: readonly LocalServer[]) {
    this.servers = servers
    this.address = `http://${servers[0]!.address}`
  }

  /**
   * Resolves once every server is registered and ready.
   * @throws GliderError INVALID_ARGUMENT for options that make no sense, UNAVAILABLE where a server does not start
   */
  static async start(options: LocalClusterOptions = {}): Promise<LocalCluster> {
    const wanted = verify({ ...defaults, ...options })
    const start = wanted.inProcess ? startHere : startProcess
    const servers: LocalServer[] = []
    try {
      const metadata = await start('metadata', '', wanted)
      servers.push(metadata)
      const roles: ServerRole[] = [
        ...Array.from({ length: wanted.storageServers }, (): ServerRole => 'storage'),
        ...Array.from({ length: wanted.activeServers }, (): ServerRole => 'active'),
      ]
      const started = await Promise.allSettled(roles.map(role => start(role, metadata.address, wanted)))
      for (const result of started) if (result.status === 'fulfilled') servers.push(result.value)
      for (const result of started) if (result.status === 'rejected') throw result.reason
      await assertReady(servers.map(({ address }) => address))
      return new LocalCluster(servers)
    } catch (error) {
      await stopAll(servers)
      throw error
    }
  }

  /** Stops every server and leaves no handle behind. */
  stop(): Promise<void> {
    return stopAll(this.servers)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

type Wanted = Required<LocalClusterOptions>

function verify(wanted: Wanted): Wanted {
  for (const [name, least] of [
    ['storageServers', 0],
    ['activeServers', 0],
    ['slots', 1],
    ['threads', 1],
    ['port', 0],
  ] as const) {
    const value = wanted[name]
    if (Number.isSafeInteger(value) && value >= least) continue
    throw new GliderError('INVALID_ARGUMENT', `${name} is ${value}: it has to be a whole number from ${least}`)
  }
  return wanted
}

/** The servers that lean on the metadata server go first. */
async function stopAll(servers: readonly LocalServer[]): Promise<void> {
  const [metadata, ...others] = servers
  await Promise.all(others.map(server => server.stop()))
  await metadata?.stop()
}

function startProcess(role: ServerRole, metadata: string, wanted: Wanted): Promise<LocalServer> {
  const { capacity, slots, threads, blockSize, port, logLevel } = wanted
  const log = ['--log-level', logLevel]
  switch (role) {
    case 'metadata':
      return ChildServer.start(role, ['--port', `${port}`, '--block-size', `${blockSize}`, ...log])
    case 'storage':
      return ChildServer.start(role, ['--metadata', metadata, '--capacity', `${capacity}`, ...log])
    case 'active':
      return ChildServer.start(role, ['--metadata', metadata, '--slots', `${slots}`, '--threads', `${threads}`, ...log])
  }
}

async function startHere(role: ServerRole, metadata: string, wanted: Wanted): Promise<LocalServer> {
  const { capacity, slots, threads, blockSize, port, logLevel } = wanted
  switch (role) {
    case 'metadata': {
      const server = await startLocalMetadataServer({ port, blockSize, logLevel })
      return { role, address: server.address, stop: () => server.stop() }
    }
    case 'storage': {
      const server = await startLocalStorageServer({ metadata, capacity, logLevel })
      return { role, address: server.address, stop: () => server.stop() }
    }
    case 'active': {
      const server = await startLocalActiveServer({ metadata, slots, threads, logLevel })
      return { role, address: server.address, stop: () => server.stop() }
    }
  }
}
