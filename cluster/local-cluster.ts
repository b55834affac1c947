import { GliderError } from '../client/index.ts'
import type { PrefaultChoice, StorageKind } from '../storage-server/index.ts'
import { assertReady } from './readiness.ts'
import { type LocalServer, type ServerPlan, startServer, type Where } from './start-server.ts'

/** One storage server of a local cluster. */
export interface LocalStorageOptions {
  /** Room for blocks: `64MiB`, or bytes. @default that of the cluster */
  readonly capacity?: string | number
  /** @default 'dram' */
  readonly kind?: StorageKind
  /** Where a server of the kind `disk` keeps its blocks: a directory of its own. */
  readonly dataDir?: string
  /** Any name but `active`. @default its kind */
  readonly storageClass?: string
  /** Of the kind `dram`: which memory is touched before blocks need it: all, 256 MiB ahead of use, or none. @default 'off' */
  readonly prefault?: PrefaultChoice
}

/** One active server of a local cluster. */
export interface LocalActiveOptions {
  /** Whose objects it takes, and no others. @default 'default' */
  readonly namespace?: string
  /** @default that of the cluster */
  readonly slots?: number
  /** @default that of the cluster */
  readonly threads?: number
  /** @default that of the cluster */
  readonly threadMemory?: string | number
  /** @default that of the cluster */
  readonly turnTimeout?: string | number
}

export interface LocalClusterOptions {
  /** How many, all alike; or each by itself. @default 1 */
  readonly storageServers?: number | readonly LocalStorageOptions[]
  /** @default 1 */
  readonly activeServers?: number
  /** Room for blocks of each storage server: `64MiB`, or bytes. @default '512MiB' */
  readonly capacity?: string | number
  /** Room for action objects on each active server. @default 64 */
  readonly slots?: number
  /** Action threads of each active server. @default 2 */
  readonly threads?: number
  /** What the objects of one action thread may hold together: `512MiB`, or bytes. @default '512MiB' */
  readonly threadMemory?: string | number
  /** How long a turn of an action may last without coming back to the event loop: `10s`, or milliseconds. @default '10s' */
  readonly turnTimeout?: string | number
  /** Runs all servers within this process: quicker to start, but not what production is like. @default false */
  readonly inProcess?: boolean
  /** @default '1MiB' */
  readonly blockSize?: string | number
  /** Storage classes in the order in which a full one falls back to the next. @default ['dram', 'disk'] */
  readonly storageClasses?: readonly string[]
  /** A server that has given no sign of life for so long is dead: `5s`, or milliseconds. @default '5s' */
  readonly deadAfter?: string | number
  /** Where the metadata server keeps its journal, so that it can be killed and restarted. @default none: nothing is written to disk */
  readonly stateDir?: string
  /** What the servers know each other by; see SECURITY.md. @default none: they take everybody on this machine at their word */
  readonly clusterSecret?: string
  /** By which operators come where there is such a secret. */
  readonly adminToken?: string
  /** Whether servers stay awake for 0.1 ms after each request, so that the next is answered sooner. @default false */
  readonly spin?: boolean
  /** Of the metadata server; 0 takes any free one. @default 0 */
  readonly port?: number
  /** What servers write to stderr. @default 'error' */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

const defaults = {
  storageServers: 1,
  activeServers: 1,
  capacity: '512MiB',
  slots: 64,
  threads: 2,
  threadMemory: '512MiB',
  turnTimeout: '10s',
  inProcess: false,
  blockSize: '1MiB',
  storageClasses: ['dram', 'disk'],
  deadAfter: '5s',
  spin: false,
  port: 0,
  logLevel: 'error',
} as const satisfies LocalClusterOptions

/** What there may be nothing of. */
type Optional = 'stateDir' | 'clusterSecret' | 'adminToken'
type Wanted = Required<Omit<LocalClusterOptions, Optional>> & Pick<LocalClusterOptions, Optional>

/** A whole cluster on this machine, for a laptop, a test or a demo. Disposable: `await using cluster = await LocalCluster.start()`. */
export class LocalCluster implements AsyncDisposable {
  /** What `StoreClient.connect` takes. */
  readonly address: string
  readonly #wanted: Wanted
  /** The metadata server first. */
  readonly #servers: LocalServer[]

  private constructor(wanted: Wanted, metadata: LocalServer) {
    this.#wanted = wanted
    this.#servers = [metadata]
    this.address = `http://${metadata.address}`
  }

  /** All that were started: the metadata server, the storage servers, the active servers, and those that were added. */
  get servers(): readonly LocalServer[] {
    return this.#servers
  }

  /**
   * Resolves once every server is registered and ready.
   * @throws GliderError INVALID_ARGUMENT for options that make no sense, UNAVAILABLE where a server does not start
   */
  static async start(options: LocalClusterOptions = {}): Promise<LocalCluster> {
    const wanted = verify({ ...defaults, ...options })
    const { storageServers, activeServers } = wanted
    const cluster = new LocalCluster(wanted, await startMetadata(wanted, wanted.port))
    try {
      const storages = typeof storageServers === 'number' ? Array.from({ length: storageServers }, () => ({})) : storageServers
      const started = await Promise.allSettled([
        ...storages.map(one => cluster.#start('storage', one)),
        ...Array.from({ length: activeServers }, () => cluster.#start('active', {})),
      ])
      for (const result of started) if (result.status === 'fulfilled') cluster.#servers.push(result.value)
      for (const result of started) if (result.status === 'rejected') throw result.reason
      await assertReady(cluster.servers.map(({ address }) => address))
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  /** Starts one more server; resolves once it is registered and ready. */
  addServer(role: 'storage', options?: LocalStorageOptions): Promise<LocalServer>
  addServer(role: 'active', options?: LocalActiveOptions): Promise<LocalServer>
  async addServer(role: 'storage' | 'active', options: LocalStorageOptions & LocalActiveOptions = {}): Promise<LocalServer> {
    const server = await this.#start(role, options)
    this.#servers.push(server)
    await assertReady([server.address])
    return server
  }

  /**
   * Ends the metadata server, in order or as a crash would, and starts it anew at its address. Without a `stateDir` it knows nothing
   * of before. Resolves once it listens: the others register again within a second.
   */
  async restartMetadataServer({ kill = false } = {}): Promise<void> {
    const old = this.#servers[0]!
    await (kill ? old.kill() : old.stop())
    this.#servers[0] = await startMetadata(this.#wanted, Number(new URL(this.address).port))
  }

  #start(role: 'storage' | 'active', options: LocalStorageOptions & LocalActiveOptions): Promise<LocalServer> {
    const { capacity, slots, threads, threadMemory, turnTimeout, spin } = this.#wanted
    const active = { slots, threads, threadMemory, turnTimeout, spin }
    const plan: ServerPlan = role === 'storage' ? { role, capacity, spin, ...options } : { role, ...active, ...options }
    return startServer(plan, this.#servers[0]!.address, whereOf(this.#wanted))
  }

  /** Stops every server and leaves no handle behind. */
  async stop(): Promise<void> {
    // Those that lean on the metadata server go first.
    const [metadata, ...others] = this.#servers
    await Promise.all(others.map(server => server.stop()))
    await metadata?.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

function startMetadata(wanted: Wanted, port: number): Promise<LocalServer> {
  const { blockSize, storageClasses, deadAfter, stateDir, spin } = wanted
  const plan: ServerPlan = {
    role: 'metadata',
    port,
    blockSize,
    storageClasses,
    deadAfter,
    spin,
    ...(stateDir !== undefined && { stateDir }),
  }
  return startServer(plan, '', whereOf(wanted))
}

function whereOf({ inProcess, logLevel, clusterSecret, adminToken }: Wanted): Where {
  return { inProcess, logLevel, secrets: { cluster: clusterSecret, admin: adminToken } }
}

function verify(wanted: Wanted): Wanted {
  const { storageServers, activeServers, slots, threads, port } = wanted
  const storages = typeof storageServers === 'number' ? storageServers : storageServers.length
  const numbers = { storageServers: [storages, 0], activeServers: [activeServers, 0], slots: [slots, 1], threads: [threads, 1] }
  for (const [name, [value = Number.NaN, least = 0]] of Object.entries({ ...numbers, port: [port, 0] })) {
    if (Number.isSafeInteger(value) && value >= least) continue
    throw new GliderError('INVALID_ARGUMENT', `${name} is ${value}: it has to be a whole number from ${least}`)
  }
  return wanted
}
