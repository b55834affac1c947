import { Registry } from 'prom-client'
import { actionClassesOf } from '../actions/inspect.ts'
import * as standard from '../actions/standard/index.ts'
import { type BundleInfo, catalogue } from '../protocol/catalogue.ts'
import { connectionContext } from '../protocol/connection.ts'
import type { GliderError } from '../protocol/errors.ts'
import { HandlerTable } from '../protocol/handlers.ts'
import { Chassis } from '../server/chassis.ts'
import { Membership } from '../server/membership.ts'
import { counter, gauge } from '../server/metrics.ts'
import type { RunningServer } from '../server/process.ts'
import type { System } from '../server/system.ts'
import type { ActionThread } from './action-thread.ts'
import { BundleFiles, STANDARD_BUNDLE } from './bundles.ts'
import { bindObjects } from './object-handlers.ts'
import { Slots } from './slots.ts'
import { Threads } from './threads.ts'

export interface ActiveServerConfig {
  readonly host: string
  readonly port: number
  readonly advertise?: string
  /** host:port of the metadata server. */
  readonly metadata: string
  readonly slots: number
  readonly threads: number
  /** How long a turn of an action may last without coming back to the event loop. @default 10000 */
  readonly turnTimeoutMs?: number
}

const DEFAULT_TURN_TIMEOUT_MS = 10_000

/**
 * Starts an active server; resolves once it is registered and its slots can be used.
 * @param dismissed told once the operator has taken the server out of the cluster and it has stopped by itself
 */
export async function startActiveServer(
  config: ActiveServerConfig,
  { clock, randomness, log }: System,
  dismissed: (why: string) => void = () => {},
): Promise<RunningServer> {
  const incarnation = randomness.id()
  const proofKey = randomness.bytes(32)
  const context = connectionContext(clock)
  const handlers = new HandlerTable()
  const slots = new Slots(incarnation, proofKey)
  /** Objects that went down with their thread and of which the metadata server has not heard yet. */
  const unreported: { slots: number[]; cause: string }[] = []

  const dropObject = (thread: ActionThread, slot: number): void => {
    for (const occupant of slots.of(thread)) if (occupant.slot === slot) slots.release(occupant)
    thread
      .deleteObject(slot, 'abort')
      .catch((error: GliderError) => log.warn({ slot }, `a forgotten object was dropped: ${error.message}`))
  }

  const membership = new Membership({
    metadataAddress: config.metadata,
    context,
    handlers,
    log,
    offer: () => ({
      role: 'active',
      incarnation,
      address: chassis.address,
      storageClass: 'active',
      capacity: config.slots,
      proofKey: proofKey.toString('base64url'),
      builtin: [standardBundle()],
    }),
    registered: ({ known }) => {
      // A metadata server that came back without state does not know these objects: nobody will ever reach them.
      if (!known) for (const occupant of slots.all()) dropObject(occupant.thread, occupant.slot)
      reportSoon()
    },
    dismissed: why => {
      stop().then(
        () => dismissed(why),
        (error: unknown) => log.error({ error }, 'could not stop in order'),
      )
    },
  })

  const report = async (): Promise<void> => {
    while (unreported.length > 0 && membership.isMember) {
      const { slots: lost, cause } = unreported[0]!
      await membership.request(catalogue.objectsLost, { incarnation, slots: lost, cause })
      unreported.shift()
    }
  }
  const reportSoon = (): void => {
    report().catch((error: GliderError) => log.warn({ code: error.code }, `lost objects are reported later: ${error.message}`))
  }
  const threadLost = (thread: ActionThread, cause: string): void => {
    const occupants = slots.of(thread)
    for (const occupant of occupants) slots.release(occupant)
    if (occupants.length > 0) unreported.push({ slots: occupants.map(({ slot }) => slot), cause })
    reportSoon()
  }

  const bundles = await BundleFiles.create(version => fetchBundle(membership, version))
  let uncaught = 0
  const threads = await Threads.start({
    count: config.threads,
    metadata: config.metadata,
    clock,
    turnTimeoutMs: config.turnTimeoutMs ?? DEFAULT_TURN_TIMEOUT_MS,
    log,
    uncaught: () => uncaught++,
    lost: threadLost,
  })
  bindObjects(handlers, { incarnation, slots, threads, bundles, clock })

  const metrics = new Registry()
  gauge(metrics, 'glider_slots', 'Slots of this server.', () => config.slots)
  counter(metrics, 'glider_action_uncaught_errors_total', 'Errors of user code that nobody caught.', () => uncaught)
  gauge(metrics, 'glider_slots_taken', 'Slots with an object.', () => slots.taken)

  const chassis = await Chassis.start({
    role: 'active',
    id: incarnation,
    host: config.host,
    port: config.port,
    advertise: config.advertise,
    context,
    handlers,
    metrics,
    log,
    notReady: () => (membership.isMember ? [] : [`not registered with the metadata server at ${config.metadata}`]),
  })
  const stop = async (): Promise<void> => {
    membership.stop()
    await chassis.stop()
    await threads.stop()
    await bundles.remove()
  }
  try {
    await membership.join()
  } catch (error) {
    await stop()
    throw error
  }
  return { address: chassis.address, stop }
}

function standardBundle(): BundleInfo {
  const classes = actionClassesOf(standard).map(({ name, calls }) => ({ name, calls: [...calls] }))
  return { name: STANDARD_BUNDLE, version: STANDARD_BUNDLE, classes }
}

async function fetchBundle(membership: Membership, version: string): Promise<Buffer> {
  const stream = membership.connection.open(catalogue.fetchBundle, { version })
  const chunks: Buffer[] = []
  for (let chunk = await stream.read(); chunk; chunk = await stream.read()) chunks.push(chunk)
  return Buffer.concat(chunks)
}
