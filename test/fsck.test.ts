/** Breaks a real cluster in every way that fsck is there for, by what only servers say to each other. */
import { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startActiveServer } from '../active-server/active-server.ts'
import { StoreClient } from '../client/index.ts'
import { MetadataServer } from '../metadata-server/metadata-server.ts'
import { writeHead } from '../protocol/block-operations.ts'
import { catalogue } from '../protocol/catalogue.ts'
import { systemClock, systemRandomness } from '../protocol/clock.system.ts'
import { ConnectionCore, connectionContext } from '../protocol/connection.ts'
import { dial } from '../protocol/dial.system.ts'
import { noGrant } from '../protocol/grant.ts'
import { HandlerTable } from '../protocol/handlers.ts'
import { decodeInventory, type InventoryRow } from '../protocol/inventory.ts'
import { encodeLocation, sign } from '../protocol/location.ts'
import type { Operation } from '../protocol/operation.ts'
import type { Call, Connection } from '../protocol/peer.ts'
import { Chassis } from '../server/chassis.ts'
import type { RunningServer } from '../server/process.ts'
import { realSystem } from '../server/system.ts'
import { storageConfig } from '../storage-server/config.ts'
import { startStorageServer } from '../storage-server/storage-server.ts'
import { MIB } from './storage.test.helper.ts'
import { expectClean } from './support/clean.ts'

/** Known here, so that a location can be signed that the metadata server never gave out. */
const proofKey = Buffer.alloc(32, 7)
const incarnation = systemRandomness.id()

/** Those that servers have registered over: what is asked there is asked as the metadata server. */
const registered = new Map<string, Connection>()

class Handlers extends HandlerTable {
  override answer<Head, A>(operation: Operation<Head, A>, handler: (head: Head, call: Call) => A | Promise<A>): void {
    super.answer(operation, (head, call) => {
      if (operation.name === 'register') registered.set(call.connection.peer.role, call.connection)
      return handler(head, call)
    })
  }
}

let metadata: MetadataServer
let chassis: Chassis
let storage: RunningServer
let active: RunningServer
let store: StoreClient

beforeAll(async () => {
  const system = realSystem('test', 'silent')
  metadata = new MetadataServer(system)
  const handlers = new Handlers()
  metadata.bind(handlers)
  const where = { host: '127.0.0.1', port: 0 }
  const context = connectionContext(systemClock)
  const face = { role: 'metadata', id: 'metadata', context, handlers, metrics: new Registry(), notReady: () => [] } as const
  chassis = await Chassis.start({ ...face, ...where, advertise: undefined, log: system.log })
  const shared = { ...where, metadata: chassis.address }
  const randomness = { bytes: () => proofKey, id: () => incarnation }
  storage = await startStorageServer(storageConfig({ ...shared, capacityBytes: 32 * MIB }, {}), { ...system, randomness })
  active = await startActiveServer({ ...shared, slots: 8, threads: 1 }, system)
  store = await StoreClient.connect(chassis.address)
})

afterAll(async () => {
  await store?.close()
  await active?.stop()
  await storage?.stop()
  metadata?.stop()
  await chassis?.stop()
})

async function ask<Head, A>(role: 'storage' | 'active', operation: Operation<Head, A>, head: NoInfer<Head>) {
  return registered.get(role)!.request(operation, head)
}

async function inventory(role: 'storage' | 'active'): Promise<InventoryRow[]> {
  const { head, body } = await ask(role, role === 'storage' ? catalogue.listBlocks : catalogue.listObjects, { first: 0 })
  expect(head).toEqual({})
  return decodeInventory(body)
}

async function asClient<T>(use: (connection: ConnectionCore) => Promise<T>): Promise<T> {
  const connection = new ConnectionCore(connectionContext(systemClock), {
    transport: await dial(storage.address, {}),
    side: 'dialled',
    hello: { role: 'client', clientId: 'curious' },
    handlers: new HandlerTable(),
  })
  await connection.start()
  try {
    return await use(connection)
  } finally {
    connection.close()
  }
}

/** Writes into a block that the metadata server has never given out. */
function writeBeside(block: number): Promise<void> {
  const unsigned = { incarnation, block, generation: { epoch: 1, counter: 1 }, purpose: 'write', grant: noGrant } as const
  const head = writeHead(encodeLocation(sign(unsigned, proofKey)), 0)
  return asClient(
    connection =>
      new Promise((resolve, reject) => {
        connection.requestRaw(catalogue.writeBlock, head, Buffer.from('nobody’s'), {
          place: () => undefined,
          answered: () => resolve(),
          failed: reject,
        })
      }),
  )
}

test('an orphaned block is found and freed, and nothing that is owned', async () => {
  await store.put('/kept', Buffer.alloc(3 * MIB, 1))
  await writeBeside(20)
  const held = await inventory('storage')
  expect(held.map(({ index }) => index)).toEqual([0, 1, 2, 20])
  expect(await store.fsck()).toMatchObject({
    clean: false,
    found: { orphanedBlocks: 1, lostBlocks: 0 },
    findings: [{ kind: 'orphanedBlock', block: 20, bytes: Buffer.byteLength('nobody’s') }],
  })
  expect(await store.fsck({ repair: true })).toMatchObject({ clean: true, repaired: 1 })
  expect(await inventory('storage')).toEqual(held.slice(0, 3))
  expect((await store.get('/kept')).equals(Buffer.alloc(3 * MIB, 1))).toBe(true)
  await expectClean(store)
})

test('a block that its server has lost is told with its path, until the file is replaced', async () => {
  await store.put('/hit', Buffer.alloc(2 * MIB + 5, 2))
  const last = (await inventory('storage')).at(-1)!
  expect(last.bytes).toBe(5)
  await ask('storage', catalogue.freeBlocks, { blocks: [[last.index, last.epoch, last.counter]] })
  const { findings } = await expectClean(store, { lostBlocks: 1, lostBytes: 5 })
  expect(findings).toMatchObject([{ kind: 'lostData', path: '/hit', block: last.index, bytes: 5 }])
  // There is nothing to repair.
  expect(await store.fsck({ repair: true })).toMatchObject({ clean: false, repaired: 0 })
  await store.put('/hit', 'anew')
  await expectClean(store)
})

test('an object that nobody owns is stopped, and a slot without object is free again', async () => {
  for (const path of ['/one', '/two']) {
    const node = await store.create(path, 'action')
    await node.create('std/Counter')
  }
  await expectClean(store)
  const [first] = await inventory('active')
  const { index: slot, epoch, counter } = first!
  await ask('active', catalogue.stopObject, { slot, epoch, counter, mode: 'abort' })
  const what = { bundle: 'std', class: 'Counter', version: 'std', interleaved: false }
  await ask('active', catalogue.startObject, { slot: 7, epoch: 1, counter: 1, path: '/nowhere', ...what })
  expect(await store.fsck()).toMatchObject({ clean: false, found: { leakedSlots: 2 }, findings: [{ slot: 0 }, { slot: 7 }] })
  expect(await store.fsck({ repair: true })).toMatchObject({ clean: true, repaired: 2 })
  expect((await inventory('active')).map(({ index }) => index)).toEqual([1])
  expect(await store.usage()).toMatchObject({ slots: 1 })
  expect((await store.stat('/one')).object?.state).toBe('lost')
  expect((await store.stat('/two')).object?.state).toBe('live')
  await expectClean(store)
})

test('only the metadata server is told what a server holds', async () => {
  const asked = asClient(connection => connection.request(catalogue.listBlocks, { first: 0 }))
  await expect(asked).rejects.toMatchObject({ code: 'FORBIDDEN' })
})
