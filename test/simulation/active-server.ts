/**
 * An active server whose objects live in its own process. Threads have an order of their own that no seed decides, so they and
 * their shared memory are left out; registration, slots, locations, streams, calls and turns are the real ones.
 */
import { Departure } from '../../actions/departure.ts'
import { describeClasses } from '../../actions/inspect.ts'
import { ActionObject } from '../../actions/object.ts'
import * as standard from '../../actions/standard/index.ts'
import type { StoreClient } from '../../actions/store.ts'
import type { ActionThread, ObjectSpec } from '../../active-server/action-thread.ts'
import { Gate } from '../../active-server/gate.ts'
import { bindObjects } from '../../active-server/object-handlers.ts'
import { type Occupant, Slots } from '../../active-server/slots.ts'
import { StreamQuota } from '../../active-server/stream-quota.ts'
import { StreamTraffic } from '../../active-server/stream-traffic.ts'
import type { Threads } from '../../active-server/threads.ts'
import { ServerTracing } from '../../active-server/tracing.ts'
import type { WholeOptions } from '../../protocol/action-heads.ts'
import { catalogue, type HeadOf } from '../../protocol/catalogue.ts'
import { connectionContext } from '../../protocol/connection.ts'
import { GliderError } from '../../protocol/errors.ts'
import { HandlerTable } from '../../protocol/handlers.ts'
import { NO_ORIGIN, type Origin } from '../../protocol/origin.ts'
import type { MuxStream } from '../../protocol/stream.ts'
import { bindGrants } from '../../server/grant-handlers.ts'
import { Grants } from '../../server/grants.ts'
import { Membership } from '../../server/membership.ts'
import type { System } from '../../server/system.ts'
import { Traffic, TrafficReports } from '../../server/traffic.ts'

type LostObjects = Omit<HeadOf<typeof catalogue.objectsLost>, 'incarnation'>

const builtin = [{ name: 'std', version: 'std', classes: describeClasses(standard) }]
const classes = standard as unknown as Readonly<Record<string, ConstructorParameters<typeof ActionObject>[0]>>

export interface SimulatedActiveServer {
  stop(): Promise<void>
  /** All that lives on its thread is lost, as where that runs out of memory. */
  loseThread(): void
}

export async function startSimulatedActiveServer(
  { port, metadata, slots: capacity }: { readonly port: number; readonly metadata: string; readonly slots: number },
  { clock, randomness, log, network }: System,
): Promise<SimulatedActiveServer> {
  const incarnation = randomness.id()
  const proofKey = randomness.bytes(32)
  const context = connectionContext(clock)
  const handlers = new HandlerTable()
  const grants = new Grants()
  bindGrants(handlers, grants)
  const slots = new Slots(incarnation, proofKey, grants)
  let thread = new SimulatedThread(clock)
  const threads = {
    get all() {
      return [thread as unknown as ActionThread]
    },
    available: () => Promise.resolve([thread as unknown as ActionThread]),
  }
  const traffic = new Traffic()
  const counted = {
    traffic,
    streamTraffic: new StreamTraffic(traffic),
    streams: new StreamQuota(),
    gate: new Gate(),
    tracing: new ServerTracing(clock, log),
  }
  const parts = { incarnation, slots, grants, ...counted, clock, threadMemoryBytes: 1 << 30 }
  bindObjects(handlers, { ...parts, threads: threads as unknown as Threads, bundles: undefined as never })
  const unreported = new Set<LostObjects>()
  let offered: readonly Occupant[] = []
  const report = (lost: LostObjects): void => {
    membership.request(catalogue.objectsLost, { incarnation, ...lost }).then(
      () => unreported.delete(lost),
      () => log.warn({}, 'lost objects are reported again at the next registration'),
    )
  }
  const membership = new Membership({
    metadataAddress: metadata,
    context,
    dial: network.dial,
    handlers,
    randomness,
    log,
    traffic: new TrafficReports(() => [[0, traffic]]),
    offer: () => {
      offered = slots.all()
      return {
        role: 'active',
        incarnation,
        address: listener.address,
        storageClass: 'active',
        capacity,
        proofKey: proofKey.toString('base64url'),
        builtin,
      }
    },
    registered: ({ known }) => {
      if (!known) {
        for (const occupant of offered) {
          if (!slots.all().includes(occupant)) continue
          slots.release(occupant)
          occupant.thread.deleteObject(occupant.slot, 'abort').catch(() => undefined)
        }
      }
      for (const lost of unreported) report(lost)
    },
    dismissed: () => void stop(),
  })
  const listener = await network.listen({
    ...({ role: 'active', id: incarnation, host: '', port, context, handlers, log } as const),
    metrics: undefined as never,
    notReady: () => [],
  })
  const stop = async (): Promise<void> => {
    membership.stop()
    await listener.stop()
    thread.lose()
  }
  await membership.join()
  return {
    stop,
    loseThread() {
      const occupants = slots.all()
      for (const occupant of occupants) slots.release(occupant)
      thread.lose()
      thread = new SimulatedThread(clock)
      if (occupants.length === 0) return
      const objects = occupants.map(({ slot, generation }) => ({ slot, ...generation }))
      const lost = { objects, cause: 'its thread was ended' }
      unreported.add(lost)
      report(lost)
    },
  }
}

/** What the handlers of the active server need of an action thread. */
class SimulatedThread {
  readonly #clock: ConstructorParameters<typeof ActionObject>[1]['clock']
  readonly #objects = new Map<number, ActionObject>()
  readonly #runs = new Map<number, Departure>()
  #next = 1
  #lost: GliderError | undefined
  readonly #waiting = new Set<(error: GliderError) => void>()

  constructor(clock: ConstructorParameters<typeof ActionObject>[1]['clock']) {
    this.#clock = clock
  }

  /** Whatever waits on it fails, and nobody finds its objects any more. */
  lose(): void {
    this.#lost = new GliderError('ACTION_LOST', 'the thread of the action has ended: create the object again')
    this.#objects.clear()
    for (const reject of [...this.#waiting]) reject(this.#lost)
  }

  createObject({ slot, id, class: name, path, params, interleaved, origin }: ObjectSpec): Promise<void> {
    return this.#unlessLost(async () => {
      const log = { debug() {}, info() {}, warn() {}, error() {} }
      const store = undefined as unknown as StoreClient
      const object = new ActionObject(classes[name]!, { id, path, params, store, log, interleaved, clock: this.#clock })
      this.#objects.set(slot, object)
      try {
        await object.create(origin)
      } catch (error) {
        this.#objects.delete(slot)
        throw error
      }
    })
  }

  deleteObject(slot: number, mode: 'wait' | 'abort', origin: Origin = NO_ORIGIN): Promise<void> {
    return this.#unlessLost(async () => {
      const object = this.#object(slot)
      try {
        await object.delete(mode, origin)
      } finally {
        if (this.#objects.get(slot) === object) this.#objects.delete(slot)
      }
    })
  }

  call(slot: number, name: string, value: string, origin: Origin): Promise<string> {
    return this.#unlessLost(() => this.#object(slot).callJson(name, JSON.parse(value), origin))
  }

  write(stream: MuxStream, slot: number, options: WholeOptions): Promise<void> {
    const next = async (): Promise<{ bytes: Buffer; release(): void } | undefined> => {
      const bytes = await stream.read()
      return bytes && { bytes, release() {} }
    }
    return this.#unlessLost(() => this.#object(slot).runWrite({ next }, options))
  }

  read(stream: MuxStream, slot: number, origin: Origin): Promise<void> {
    return this.#unlessLost(() => this.#object(slot).runRead({ write: bytes => stream.write(bytes) }, origin))
  }

  writeWhole(slot: number, bytes: Buffer, options: WholeOptions, done: (error?: GliderError) => void): number | undefined {
    const number = this.#next++
    const departure = new Departure()
    this.#runs.set(number, departure)
    const chunks = bytes.length > 0 ? [{ bytes, release() {} }] : []
    this.#unlessLost(() => this.#object(slot).runWrite({ next: () => chunks.shift() }, { ...options, departure })).then(
      () => done(),
      (error: unknown) => done(GliderError.from(error)),
    )
    return this.#lost ? undefined : number
  }

  abortStream(stream: number, reason: GliderError): void {
    this.#runs.get(stream)?.tell(reason)
  }

  #object(slot: number): ActionObject {
    const object = this.#objects.get(slot)
    if (!object) throw new GliderError('NO_ACTION_OBJECT', 'the object of the action has been deleted: create one')
    return object
  }

  #unlessLost<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#lost) {
        reject(this.#lost)
        return
      }
      this.#waiting.add(reject)
      work()
        .then(resolve, reject)
        .finally(() => this.#waiting.delete(reject))
    })
  }
}
