import { connectionContext } from '../protocol/connection.ts'
import { GliderError } from '../protocol/errors.ts'
import { HandlerTable } from '../protocol/handlers.ts'
import type { Limits } from '../protocol/limits.ts'
import { counted } from '../server/drain.ts'
import type { Listener } from '../server/network.ts'
import type { Leave, RunningServer } from '../server/process.ts'
import { Quiet } from '../server/quiet.ts'
import type { System } from '../server/system.ts'
import type { ServerTls } from '../server/tls.ts'
import { packageVersion } from '../server/version.ts'
import type { MetadataConfig } from './config.ts'
import { openLmdbJournal } from './journal/lmdb-store.ts'
import { MetadataServer } from './metadata-server.ts'
import { metadataMetrics } from './metrics.ts'
import { namespaceMetrics } from './namespace-metrics.ts'
import { registerRest } from './rest.ts'

export interface MetadataServerConfig extends Partial<MetadataConfig> {
  readonly host: string
  readonly port: number
  readonly advertise?: string
  /** Of the cluster. */
  readonly secret?: string | undefined
  readonly tls?: ServerTls | undefined
  /** By which operators come, where there is a secret. */
  readonly adminToken?: string | undefined
  /** Whether to stay awake for a moment after each request. @default false */
  readonly spin?: boolean | undefined
  /** What it takes on. */
  readonly limits?: Partial<Limits> | undefined
  /** Where the journal is kept; nothing is written to disk without it. */
  readonly stateDir?: string
  /** Whether an answer waits until the disk of the journal has what it tells of. @default false */
  readonly sync?: boolean
}

/**
 * Starts a metadata server; resolves once it listens.
 * @param leave told where it cannot go on: its journal can no longer be written
 * @param openJournal how the journal is opened; a simulation keeps it in memory
 */
export async function startMetadataServer(
  {
    host,
    port,
    advertise,
    stateDir,
    secret,
    tls,
    adminToken,
    sync = false,
    spin = false,
    limits,
    ...config
  }: MetadataServerConfig,
  system: System,
  leave: Leave = () => {},
  openJournal: typeof openLmdbJournal = openLmdbJournal,
): Promise<RunningServer> {
  const { clock, randomness, log, network } = system
  checkTokens(secret, adminToken)
  const failed = ({ message }: GliderError): void => leave(message, 1)
  const saved =
    stateDir === undefined ? undefined : await openJournal({ directory: stateDir, sync, clock, randomness, log, failed })
  let server: MetadataServer | undefined
  let chassis: Listener
  try {
    server = new MetadataServer({ clock, randomness, log, config, secret, adminToken, ...(saved && { saved }) })
    const { operations, access } = server
    const handlers = new HandlerTable()
    server.bind(handlers)
    const context = connectionContext(clock, { metered: true, spin, limits })
    chassis = await network.listen({
      role: 'metadata',
      id: randomness.id(),
      host,
      port,
      advertise,
      context,
      secret,
      tls,
      admit: (hello, connection) => access.admit(hello, connection),
      handlers,
      metrics: metadataMetrics(operations),
      guardedMetrics: {
        registry: namespaceMetrics(() => server!.usages()),
        mayRead: authorization => access.isOperator(authorization),
      },
      log,
      notReady: () => [],
      routes: app => registerRest(app, operations, access, { version: packageVersion, meter: context.meter }),
    })
  } catch (error) {
    server?.stop()
    await saved?.close()
    throw error
  }
  return {
    address: chassis.address,
    drain: timeMs => {
      const { operations } = server
      const reads = new Quiet(clock, () => operations.located)
      return chassis.drain(timeMs, {
        refuse: () => server.drain(chassis.drainingError()),
        running: () => counted({ writers: operations.writers }) ?? (reads.isQuiet ? undefined : 'readers'),
      })
    },
    stop: async () => {
      server.stop()
      // First, since claims end with the connections of their writers, who are to find them again at the next start.
      saved?.seal()
      await chassis.stop()
      await saved?.close()
    },
  }
}

/** @throws GliderError INVALID_ARGUMENT where somebody means to be protected who is not */
function checkTokens(secret: string | undefined, adminToken: string | undefined): void {
  if (secret !== undefined || adminToken === undefined) return
  const why = 'an admin token (--admin-token-file, GLIDER_ADMIN_TOKEN) protects nothing where servers have no secret'
  const remedy = 'give all servers the same --cluster-secret-file (or GLIDER_CLUSTER_SECRET) as well, or take the token away'
  throw new GliderError('INVALID_ARGUMENT', `${why}: ${remedy}`)
}
