import { createHash } from 'node:crypto'
import { Registry } from 'prom-client'
import { describeClasses } from '../actions/inspect.ts'
import * as standard from '../actions/standard/index.ts'
import { type BundleInfo, catalogue, type HeadOf } from '../protocol/catalogue.ts'
import { connectionContext } from '../protocol/connection.ts'
import { GliderError } from '../protocol/errors.ts'
import { HandlerTable } from '../protocol/handlers.ts'
import type { Limits } from '../protocol/limits.ts'
import { counted } from '../server/drain.ts'
import { bindGrants } from '../server/grant-handlers.ts'
import { Grants } from '../server/grants.ts'
import { Membership } from '../server/membership.ts'
import { gauge } from '../server/metrics.ts'
import type { Leave, RunningServer } from '../server/process.ts'
import type { System } from '../server/system.ts'
import type { ServerTls } from '../server/tls.ts'
import { Traffic, TrafficReports } from '../server/traffic.ts'
import type { ActionThread } from './action-thread.ts'
import { ActionTime } from './action-time.ts'
import { BundleFiles, STANDARD_BUNDLE } from './bundles.ts'
import { Gate } from './gate.ts'
import { bindObjects } from './object-handlers.ts'
import { ObjectReports } from './object-reports.ts'
import { processMemory } from './process-memory.ts'
import { type Occupant, Slots } from './slots.ts'
import { StreamQuota } from './stream-quota.ts'
import { StreamTraffic } from './stream-traffic.ts'
import { Threads } from './threads.ts'
import { ServerTracing } from './tracing.ts'
import { TurnCounts } from './turn-counts.ts'

export interface ActiveServerConfig {
  readonly host: string
  readonly port: number
  readonly advertise?: string
  /** Of the cluster. */
  readonly secret?: string | undefined
  readonly tls?: ServerTls | undefined
  /** Whether to stay awake for a moment after each request. @default false */
  readonly spin?: boolean | undefined
  /** What it takes on. */
  readonly limits?: Partial<Limits> | undefined
  /** host:port of the metadata server. */
  readonly metadata: string
  /** That its slots are for, and no other. @default 'default' */
  readonly namespace?: string
  readonly slots: number
  /** Streams that one object may have open. @default 4096 */
  readonly maxActionStreams?: number
  /** Where bundles are put; see bundles.ts. @default a folder of its own */
  readonly bundleDir?: string
  readonly threads: number
  /** How long a turn of an action may last without coming back to the event loop. @default 10000 */
  readonly turnTimeoutMs?: number
  /** What the objects of one thread may hold together. @default 512 MiB */
  readonly threadMemoryBytes?: number
}

type LostObjects = Omit<HeadOf<typeof catalogue.objectsLost>, 'incarnation'>

export const DEFAULT_TURN_TIMEOUT_MS = 10_000
export const DEFAULT_THREAD_MEMORY_BYTES = 512 << 20
/** So long a server that has to leave tries to tell which objects are lost. */
const LAST_WORDS_MS = 1_000

/**
 * Starts an active server; resolves once it is registered and its slots can be used.
 * @param left told once the server has stopped by itself: the operator has taken it out of the cluster, or a thread does not end
 */
export async function startActiveServer(
  config: ActiveServerConfig,
  { clock, randomness, log, network }: System,
  left: Leave = () => {},
): Promise<RunningServer> {
  const incarnation = randomness.id()
  const proofKey = randomness.bytes(32)
  /** By which the actions of this server come to the namespace, as long as it is a member. */
  const token = randomness.bytes(32).toString('base64url')
  const context = connectionContext(clock, { metered: true, spin: config.spin, limits: config.limits })
  const handlers = new HandlerTable()
  const grants = new Grants()
  bindGrants(handlers, grants)
  const slots = new Slots(incarnation, proofKey, grants, config.maxActionStreams)
  const streams = new StreamQuota()
  const traffic = new Traffic()
  const streamTraffic = new StreamTraffic(traffic)
  const actionTime = new ActionTime<ActionThread>(
    () => threads.all,
    thread => slots.of(thread).length > 0,
  )
  /** All of it is of the namespace of this server, which need not be named. */
  const allTraffic = (): (readonly [number, Traffic])[] => {
    streamTraffic.countOpen()
    traffic.actionMs += actionTime.taken()
    return [[0, traffic]]
  }
  /** Objects that went down with their thread and of which the metadata server has not heard yet. */
  const unreported = new Set<LostObjects>()

  /** What was there when the server registered: what is made before it is answered is made for whom it registered with. */
  let offered: readonly Occupant[] = []
  const dropObject = (occupant: Occupant): void => {
    const { slot, path, thread } = occupant
    if (!slots.all().includes(occupant)) return
    const why = new GliderError(
      'ACTION_LOST',
      `the object of ${path} is lost: the active server at ${chassis.address} was given up. Create it again`,
    )
    slots.release(occupant, why)
    thread
      .dropObject(slot, why)
      .catch((error: GliderError) => log.warn({ slot }, `a forgotten object was dropped: ${error.message}`))
  }

  const membership = new Membership({
    metadataAddress: config.metadata,
    context,
    dial: network.dial,
    handlers,
    secret: config.secret,
    tls: config.tls,
    randomness,
    log,
    traffic: new TrafficReports(allTraffic),
    offer: () => {
      offered = slots.all()
      return {
        role: 'active',
        incarnation,
        address: chassis.address,
        storageClass: 'active',
        capacity: config.slots,
        proofKey: proofKey.toString('base64url'),
        ...(config.namespace !== undefined && { namespace: config.namespace }),
        tokenHash: createHash('sha256').update(token).digest('hex'),
        streams: streams.report(),
        builtin: [standardBundle()],
      }
    },
    registered: ({ known, streams: most }) => {
      streams.allow(most)
      // A metadata server that has given this one up, or came back without state, has no more to do with these objects: nobody
      // will ever reach them.
      if (!known) for (const occupant of offered) dropObject(occupant)
      void reportAll()
    },
    beat: () => ({ streams: streams.report() }),
    beaten: answer => streams.allow(answer.streams),
    dismissed: why => {
      stop().then(
        () => left(why),
        (error: unknown) => log.error({ error }, 'could not stop in order'),
      )
    },
  })

  /** In the order in which they were lost: none waits for the answer to another. */
  const report = async (lost: LostObjects): Promise<void> => {
    try {
      await membership.request(catalogue.objectsLost, { incarnation, ...lost })
      unreported.delete(lost)
    } catch (thrown) {
      const { code, message } = GliderError.from(thrown)
      log.warn({ code }, `lost objects are reported again at the next registration: ${message}`)
    }
  }
  const reportAll = async (): Promise<void> => {
    await Promise.all([...unreported].map(report))
  }
  const threadLost = (thread: ActionThread, cause: string): void => {
    const occupants = slots.of(thread)
    const error = new GliderError('ACTION_LOST', `the object is lost: ${cause}. Create it again`)
    for (const occupant of occupants) slots.release(occupant, error)
    if (occupants.length === 0) return
    const lost = { objects: occupants.map(({ slot, generation }) => ({ slot, ...generation })), cause }
    unreported.add(lost)
    void report(lost)
  }

  /** What a thread holds that does not end is not to be had back, and threads that hang would add up. */
  const stuck = async (cause: string): Promise<void> => {
    const why = `a thread does not end (${cause}): the server leaves, and returns where somebody starts it again`
    log.error({ cause }, why)
    for (const thread of threads.all) threadLost(thread, `its server had to leave: a thread of it does not end: ${cause}`)
    await Promise.race([reportAll(), new Promise<void>(resolve => clock.after(LAST_WORDS_MS, resolve))])
    await stop()
    left(why, 'kill')
  }

  const { turnTimeoutMs = DEFAULT_TURN_TIMEOUT_MS, threadMemoryBytes = DEFAULT_THREAD_MEMORY_BYTES } = config
  /** The longest that one of its objects may take: which of them a thread hangs in, nobody can tell. */
  const timeoutOf = (thread: ActionThread): number =>
    slots.of(thread).reduce((most, one) => Math.max(most, one.turnTimeoutMs ?? turnTimeoutMs), 0) || turnTimeoutMs

  const reports = new ObjectReports(slots, log)
  const turns = new TurnCounts()
  const bundles = await BundleFiles.create(version => fetchBundle(membership, version), config.bundleDir)
  let leaving: Promise<void> | undefined
  const threads = await Threads.start({
    count: config.threads,
    metadata: `${config.tls ? 'https://' : ''}${config.metadata}`,
    tlsCa: config.tls?.ca,
    token,
    clock,
    memory: processMemory,
    threadMemoryBytes,
    turnTimeoutMs: timeoutOf,
    log,
    turns,
    said: reports.said,
    unknown: reports.unknown,
    lost: threadLost,
    stuck: cause => {
      leaving ??= stuck(cause).catch((error: unknown) => log.error({ error }, 'could not leave in order'))
    },
  })
  const gate = new Gate()
  const accounts = { traffic, streamTraffic, streams, tracing: new ServerTracing(clock, log) }
  bindObjects(handlers, { incarnation, slots, grants, ...accounts, threads, bundles, gate, clock, threadMemoryBytes })

  const metrics = new Registry()
  gauge(metrics, 'glider_slots', 'Slots of this server.', () => config.slots)
  gauge(metrics, 'glider_resident_bytes', 'Resident memory of the process.', () => processMemory.resident())
  reports.register(metrics)
  turns.register(metrics)
  gauge(metrics, 'glider_slots_taken', 'Slots with an object.', () => slots.taken)
  gauge(metrics, 'glider_slots_free', 'Slots without one.', () => config.slots - slots.taken)
  gauge(metrics, 'glider_slots_use_ratio', 'Slots with an object, of all slots.', () => slots.taken / config.slots)

  const chassis = await network.listen({
    role: 'active',
    id: incarnation,
    host: config.host,
    port: config.port,
    advertise: config.advertise,
    tls: config.tls,
    secret: config.secret,
    context,
    handlers,
    metrics,
    log,
    notReady: () => (membership.isMember ? [] : [`not registered with the metadata server at ${config.metadata}`]),
  })
  const drain = (timeMs: number): Promise<void> =>
    chassis.drain(
      timeMs,
      {
        refuse: () => {
          gate.close(chassis.drainingError())
          membership.leave(incarnation)
        },
        running: () => counted({ 'objects being made or ended': membership.asked }),
      },
      // Who follows a log does so until its end.
      catalogue.readLogs,
    )
  const stop = async (): Promise<void> => {
    membership.stop()
    await chassis.stop()
    const isWhole = await threads.stop()
    await bundles.remove()
    if (!isWhole) left('a thread did not end with the server', 'kill')
  }
  try {
    await membership.join()
  } catch (error) {
    await stop()
    throw error
  }
  return { address: chassis.address, drain, stop }
}

function standardBundle(): BundleInfo {
  return { name: STANDARD_BUNDLE, version: STANDARD_BUNDLE, classes: describeClasses(standard) }
}

async function fetchBundle(membership: Membership, version: string): Promise<Buffer> {
  const stream = membership.connection.open(catalogue.fetchBundle, { version })
  const chunks: Buffer[] = []
  for (let chunk = await stream.read(); chunk; chunk = await stream.read()) chunks.push(chunk)
  return Buffer.concat(chunks)
}
