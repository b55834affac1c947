/** The real handlers of the three servers, on connections within this process. */
import { pino } from 'pino'
import { ObjectLog } from '../../active-server/action-logs.ts'
import { BundleFiles, standardModule } from '../../active-server/bundles.ts'
import { Gate } from '../../active-server/gate.ts'
import { bindObjects } from '../../active-server/object-handlers.ts'
import { processMemory } from '../../active-server/process-memory.ts'
import { Slots } from '../../active-server/slots.ts'
import { StreamQuota } from '../../active-server/stream-quota.ts'
import { StreamTraffic } from '../../active-server/stream-traffic.ts'
import { Threads } from '../../active-server/threads.ts'
import { ServerTracing } from '../../active-server/tracing.ts'
import { TurnCounts } from '../../active-server/turn-counts.ts'
import { MetadataServer } from '../../metadata-server/metadata-server.ts'
import { catalogue } from '../../protocol/catalogue.ts'
import { systemClock, systemRandomness } from '../../protocol/clock.system.ts'
import { type ConnectionContext, ConnectionCore, connectionContext } from '../../protocol/connection.ts'
import { GliderError } from '../../protocol/errors.ts'
import { noGrant } from '../../protocol/grant.ts'
import { HandlerTable } from '../../protocol/handlers.ts'
import { encodeLocation, type Purpose, sign } from '../../protocol/location.ts'
import type { Operation } from '../../protocol/operation.ts'
import { trusted } from '../../protocol/principal.ts'
import { transportPair } from '../../protocol/testing/memory-transport.ts'
import { bindGrants } from '../../server/grant-handlers.ts'
import { Grants } from '../../server/grants.ts'
import { Traffic } from '../../server/traffic.ts'
import { bindBlocks } from '../../storage-server/block-handlers.ts'
import { Blocks } from '../../storage-server/blocks.ts'
import { DramStore } from '../../storage-server/dram-store.ts'
import type { Target } from './frames.ts'

export interface Fuzzed extends Target {
  readonly name: 'metadata' | 'storage' | 'active'
  readonly context: ConnectionContext
  readonly handlers: HandlerTable
  readonly metadata?: MetadataServer
  /** What another client does meanwhile, and that it is what it should be. */
  readonly check: (client: ConnectionCore) => Promise<void>
  readonly stop: () => Promise<void>
}

const log = pino({ level: 'silent' })
const INCARNATION = 'abcdefghijkl'
const BLOCK_BYTES = 64 << 10
const proofKey = Buffer.alloc(32, 7)

function operationsOf(server: string): Operation[] {
  return (Object.values(catalogue) as Operation[]).filter(operation =>
    [server, server === 'metadata' ? server : 'member'].includes(operation.server),
  )
}

function locationOf(block: number, purpose: Purpose, counter = 1): Buffer {
  return encodeLocation(
    sign({ incarnation: INCARNATION, block, generation: { epoch: 1, counter }, purpose, grant: noGrant }, proofKey),
  )
}

export function fuzzedMetadata(): Fuzzed {
  const server = new MetadataServer({ clock: systemClock, randomness: systemRandomness, log })
  const handlers = new HandlerTable()
  server.bind(handlers)
  let checks = 0
  return {
    name: 'metadata',
    context: connectionContext(systemClock),
    handlers,
    metadata: server,
    operations: operationsOf('metadata'),
    locations: [],
    async check(client) {
      const path = `/checked-${checks++}`
      const bytes = Buffer.from(path.repeat(20))
      await client.request(catalogue.put, { path }, { body: bytes })
      const { body } = await client.request(catalogue.get, { path })
      if (!body.equals(bytes)) throw new Error(`${path} holds other bytes than were put`)
      await client.request(catalogue.delete, { path })
    },
    stop: async () => server.stop(),
  }
}

export function fuzzedStorage(): Fuzzed {
  const grants = new Grants()
  const blocks = new Blocks({
    grants,
    capacityBytes: 16 * BLOCK_BYTES,
    blockBytes: BLOCK_BYTES,
    incarnation: INCARNATION,
    proofKey,
    store: new DramStore(BLOCK_BYTES),
  })
  const handlers = new HandlerTable()
  bindBlocks(handlers, () => blocks, { reads: 0, writes: 0, bytesIn: 0, bytesOut: 0 }, grants)
  bindGrants(handlers, grants)
  const word = (value: number): Buffer => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(value, 0)
    return bytes
  }
  let counter = 10
  return {
    name: 'storage',
    context: connectionContext(systemClock),
    handlers,
    operations: operationsOf('storage'),
    locations: [0, 1, 2, 15].flatMap(block => [locationOf(block, 'write'), locationOf(block, 'read')]),
    async check(client) {
      const location = locationOf(7, 'write', counter++)
      const bytes = Buffer.alloc(BLOCK_BYTES, counter)
      await raw(client, catalogue.writeBlock, Buffer.concat([location, word(0)]), bytes)
      const read = await raw(client, catalogue.readBlock, Buffer.concat([location, word(0), word(BLOCK_BYTES)]))
      if (!read.equals(bytes)) throw new Error('a block holds other bytes than were written')
    },
    stop: async () => {},
  }
}

const OBJECTS = 3

export async function fuzzedActive(): Promise<Fuzzed> {
  const grants = new Grants()
  const slots = new Slots(INCARNATION, proofKey, grants)
  const bundles = await BundleFiles.create(() => Promise.reject(new GliderError('NOT_FOUND', 'there is no such bundle')))
  const losses: string[] = []
  const threads = await Threads.start({
    count: 1,
    metadata: '127.0.0.1:1',
    token: '',
    tlsCa: undefined,
    clock: systemClock,
    memory: processMemory,
    threadMemoryBytes: 512 << 20,
    turnTimeoutMs: () => 10_000,
    log,
    turns: new TurnCounts(),
    said: () => {},
    unknown: () => {},
    lost: (_thread, cause) => void losses.push(cause),
    stuck: cause => void losses.push(cause),
  })
  const handlers = new HandlerTable()
  const traffic = new Traffic()
  const parts = {
    incarnation: INCARNATION,
    slots,
    grants,
    traffic,
    streamTraffic: new StreamTraffic(traffic),
    streams: new StreamQuota(),
    threads,
    bundles,
    gate: new Gate(),
    clock: systemClock,
    threadMemoryBytes: 512 << 20,
    tracing: new ServerTracing(systemClock, log),
  }
  bindObjects(handlers, parts)
  for (let slot = 0; slot < OBJECTS; slot++) {
    const [thread] = threads.all
    slots.take({
      slot,
      generation: { epoch: 1, counter: 1 },
      path: `/act${slot}`,
      thread: thread!,
      log: new ObjectLog(),
      memoryBytes: 0,
      streams: 0,
      turns: 0,
      turnTimeoutMs: undefined,
    })
    const className = ['Merge', 'Counter', 'Queue'][slot]!
    await thread!.createObject({
      slot,
      id: `object-${slot}`,
      module: standardModule,
      class: className,
      path: `/act${slot}`,
      params: null,
      // What one client leaves unfinished does not keep the others waiting.
      interleaved: true,
      origin: {},
    })
  }
  return {
    name: 'active',
    context: connectionContext(systemClock),
    handlers,
    operations: operationsOf('active'),
    locations: [0, 1, 2, 99].map(slot => locationOf(slot, 'action')),
    async check(client) {
      if (losses.length > 0) throw new Error(`a thread was lost: ${losses.join()}`)
      const location = locationOf(0, 'action').toString('base64url')
      const stream = client.open(catalogue.writeAction, { location })
      await stream.write(Buffer.from('checked,1\n'.repeat(2_000)))
      await stream.end()
    },
    async stop() {
      await threads.stop()
      await bundles.remove()
    },
  }
}

function raw(client: ConnectionCore, operation: Operation, head: Buffer, body?: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.requestRaw(operation, head, body, {
      place: () => undefined,
      answered: (_head, bytes) => resolve(Buffer.from(bytes)),
      failed: reject,
    })
  })
}

/** A client that keeps to the rules. */
export function connect({ handlers, context }: Fuzzed): Promise<ConnectionCore> {
  const [transport, other] = transportPair()
  accept({ handlers, context }, transport)
  return new ConnectionCore(connectionContext(systemClock), {
    transport: other,
    side: 'dialled',
    hello: { role: 'client', clientId: 'checker' },
  }).start()
}

export function accept(
  { handlers, context }: Pick<Fuzzed, 'handlers' | 'context'>,
  transport: ReturnType<typeof transportPair>[0],
): ConnectionCore {
  const connection = new ConnectionCore(context, {
    transport,
    side: 'accepted',
    hello: { role: 'metadata', clientId: 'fuzzed' },
    handlers,
    admit: hello => {
      if (hello.role === 'metadata') throw new GliderError('FORBIDDEN', 'a metadata server is dialled, it does not dial')
      return trusted(hello)
    },
  })
  connection.start().catch(() => undefined)
  return connection
}
