import { startLocalActiveServer } from '../active-server/index.ts'
import { GliderError } from '../client/index.ts'
import { startLocalMetadataServer } from '../metadata-server/index.ts'
import { type StorageChoice, startLocalStorageServer } from '../storage-server/index.ts'
import { ChildServer, type ServerRole } from './child-server.ts'
import { ReturningServer } from './returning-server.ts'

/** One server of a local cluster. */
export interface LocalServer {
  readonly role: ServerRole
  /** host:port */
  readonly address: string
  /** Of its process; undefined where it runs within this one. */
  readonly pid?: number
  stop(): Promise<void>
  /** Ends its process at once, as a crash would; INVALID_ARGUMENT where it runs within this one. */
  kill(): Promise<void>
}

type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** What is kept out of flags, which everybody on the machine can read. */
export interface Secrets {
  /** Of the cluster. */
  readonly cluster?: string | undefined
  /** By which operators come. */
  readonly admin?: string | undefined
}

interface CommonPlan {
  /** Whether to stay awake for a moment after each request. */
  readonly spin: boolean
}

export interface MetadataPlan extends CommonPlan {
  readonly role: 'metadata'
  readonly port: number
  readonly blockSize: string | number
  readonly storageClasses: readonly string[]
  readonly deadAfter: string | number
  readonly stateDir?: string
}

export interface StoragePlan extends CommonPlan, StorageChoice {
  readonly role: 'storage'
  readonly capacity: string | number
}

export interface ActivePlan extends CommonPlan {
  readonly role: 'active'
  readonly namespace?: string
  readonly slots: number
  readonly threads: number
  readonly threadMemory: string | number
  readonly turnTimeout: string | number
}

export type ServerPlan = MetadataPlan | StoragePlan | ActivePlan

/**
 * Has the C library give large buffers back to the system when they are freed, as those of a thread that was ended are: by itself it
 * goes over to keeping them. It goes by the environment alone.
 */
const GIVE_BACK = { MALLOC_MMAP_THRESHOLD_: `${1 << 20}`, MALLOC_TRIM_THRESHOLD_: `${16 << 20}` }

/** How all servers of a cluster are started. */
export interface Where {
  readonly inProcess: boolean
  readonly logLevel: LogLevel
  readonly secrets: Secrets
  /** Files in PEM. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string }
}

/** @param metadata address of the metadata server, for the others */
export function startServer(plan: ServerPlan, metadata: string, where: Where): Promise<LocalServer> {
  return where.inProcess ? startHere(plan, metadata, where) : startProcess(plan, metadata, where)
}

function startProcess(plan: ServerPlan, metadata: string, { logLevel, secrets, tls }: Where): Promise<LocalServer> {
  const environment = { ...(secrets.cluster !== undefined && { GLIDER_CLUSTER_SECRET: secrets.cluster }) }
  // Whoever stops a local cluster has done with it.
  const common = ['--log-level', logLevel, '--drain', '0s', ...(plan.spin ? ['--spin'] : [])]
  if (tls) common.push('--tls-cert', tls.cert, '--tls-key', tls.key, '--tls-ca', tls.ca)
  switch (plan.role) {
    case 'metadata': {
      const admin = secrets.admin !== undefined && { GLIDER_ADMIN_TOKEN: secrets.admin }
      const { port, blockSize, storageClasses, deadAfter, stateDir } = plan
      const flags = ['--port', `${port}`, '--block-size', `${blockSize}`, '--dead-after', duration(deadAfter)]
      if (stateDir !== undefined) flags.push('--state-dir', stateDir)
      return ChildServer.start(
        plan.role,
        [...flags, '--classes', storageClasses.join(','), ...common],
        {},
        { ...environment, ...admin },
      )
    }
    case 'storage': {
      const { capacity, kind = 'dram', dataDir, storageClass, prefault = 'off' } = plan
      const flags = ['--metadata', metadata, '--capacity', `${capacity}`, '--kind', kind, '--prefault', prefault]
      if (dataDir !== undefined) flags.push('--data-dir', dataDir)
      if (storageClass !== undefined) flags.push('--class', storageClass)
      return ChildServer.start(plan.role, [...flags, ...common], {}, environment)
    }
    case 'active':
      return ReturningServer.start(port =>
        ChildServer.start(
          plan.role,
          [
            ...['--metadata', metadata, '--slots', `${plan.slots}`, '--threads', `${plan.threads}`, '--port', `${port}`],
            ...['--thread-memory', `${plan.threadMemory}`, '--turn-timeout', duration(plan.turnTimeout)],
            ...(plan.namespace === undefined ? [] : ['--namespace', plan.namespace]),
            ...common,
          ],
          GIVE_BACK,
          environment,
        ),
      )
  }
}

/** A number is milliseconds. */
function duration(time: string | number): string {
  return typeof time === 'number' ? `${time}ms` : time
}

async function startHere(plan: ServerPlan, metadata: string, where: Where): Promise<LocalServer> {
  const server = await startWithin(plan, metadata, where)
  const { role } = server
  const kill = (): Promise<never> =>
    Promise.reject(
      new GliderError('INVALID_ARGUMENT', `the ${role} server at ${server.address} runs within this process: stop it`),
    )
  return Object.assign(server, { kill })
}

async function startWithin(
  plan: ServerPlan,
  metadata: string,
  { logLevel, secrets, tls }: Where,
): Promise<Omit<LocalServer, 'kill'>> {
  const files = tls && { tlsCert: tls.cert, tlsKey: tls.key, tlsCa: tls.ca }
  const own = { logLevel, secret: secrets.cluster, tls: files }
  switch (plan.role) {
    case 'metadata': {
      const server = await startLocalMetadataServer({ ...plan, ...own, adminToken: secrets.admin })
      return { role: plan.role, address: server.address, stop: () => server.stop() }
    }
    case 'storage': {
      const server = await startLocalStorageServer({ ...plan, metadata, ...own })
      return { role: plan.role, address: server.address, stop: () => server.stop() }
    }
    case 'active': {
      return startActiveHere({ ...plan, metadata, ...own })
    }
  }
}

/** Where a thread of it hangs, the server leaves and another takes its place: the thread itself stays with this process. */
async function startActiveHere(options: Parameters<typeof startLocalActiveServer>[0]): Promise<Omit<LocalServer, 'kill'>> {
  let returning: Promise<void> | undefined
  let ended = false
  const start = (): ReturnType<typeof startLocalActiveServer> =>
    startLocalActiveServer(options, (_why, status) => {
      if (status === 'kill' && !ended) returning = again()
    })
  const again = async (): Promise<void> => {
    server = await start()
  }
  let server = await start()
  return {
    role: 'active',
    get address() {
      return server.address
    },
    async stop() {
      ended = true
      await returning
      await server.stop()
    },
  }
}
