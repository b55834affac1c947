import { expect, test } from 'vitest'
import { catalogue } from '../protocol/catalogue.ts'
import { FakeCluster, FakeConnection } from './fakes.test.helper.ts'

const MIB = 1 << 20

async function consumed(cluster: FakeCluster) {
  return (await cluster.ask('usage', {})).consumed
}

test('blocks count with their class for as long as they are taken, to the millisecond', async () => {
  const cluster = new FakeCluster({ storageClasses: ['dram', 'disk'] })
  const [dram, disk] = [cluster.joinStorage(1), cluster.joinStorage(4, { storageClass: 'disk' })]
  const begin = (await consumed(cluster)).since
  expect(begin).toBe(cluster.clock.wallTime())
  const { claim } = await cluster.ask('openWrite', { path: '/f', mode: 'put', blocks: 3 })
  await cluster.live(2_500, dram, disk)
  expect((await consumed(cluster)).byteSeconds).toEqual({ dram: 2.5 * MIB, disk: 5 * MIB })
  // What was not needed is given back.
  await cluster.ask('commit', { claim, size: MIB, close: true })
  await cluster.live(1_000, dram, disk)
  expect((await consumed(cluster)).byteSeconds).toEqual({ dram: 3.5 * MIB, disk: 5 * MIB })
  await cluster.ask('delete', { path: '/f' })
  await cluster.live(9_000, dram, disk)
  expect((await consumed(cluster)).byteSeconds).toEqual({ dram: 3.5 * MIB, disk: 5 * MIB })
})

test('small values count with what they take of memory', async () => {
  const cluster = new FakeCluster()
  await cluster.askBytes('put', { path: '/f' }, Buffer.alloc(100))
  await cluster.clock.advance(2_000)
  await cluster.askBytes('put', { path: '/f' }, Buffer.alloc(300))
  await cluster.clock.advance(1_000)
  await cluster.ask('delete', { path: '/f' })
  await cluster.clock.advance(5_000)
  expect(await consumed(cluster)).toMatchObject({ inlineByteSeconds: 2 * 300 + 500, byteSeconds: {} })
})

test('slots count from before their object is made until it is gone, or its server', async () => {
  const cluster = new FakeCluster()
  const server = cluster.joinActive(4)
  server.connection.respond(catalogue.startObject, () => ({}))
  server.connection.respond(catalogue.stopObject, () => ({}))
  for (const path of ['/a', '/b']) {
    await cluster.ask('create', { path, type: 'action' })
    await cluster.ask('createObject', { path, definition: 'std/Merge' })
  }
  await cluster.live(2_000, server)
  await cluster.ask('deleteObject', { path: '/a' })
  await cluster.live(3_000, server)
  expect((await consumed(cluster)).slotSeconds).toBe(2 * 2 + 3)
  // It dies after 5 s of silence.
  await cluster.clock.advance(5_000)
  const { slotSeconds } = await consumed(cluster)
  expect(slotSeconds).toBeGreaterThanOrEqual(11)
  await cluster.clock.advance(60_000)
  expect((await consumed(cluster)).slotSeconds).toBe(slotSeconds)
})

test('operations of the metadata server count with the bytes that go along, what the cluster asks of itself does not', async () => {
  const cluster = new FakeCluster()
  const server = cluster.joinStorage(4)
  const before = await consumed(cluster)
  await cluster.askBytes('put', { path: '/f' }, Buffer.alloc(100))
  await cluster.askBytes('get', { path: '/f' })
  await cluster.ask('exists', { path: '/f' })
  await cluster.ask('heartbeat', { incarnation: server.head.incarnation })
  await cluster.ask('servers', {})
  // The one that asked before, three, and this one.
  expect(await consumed(cluster)).toMatchObject({ operations: before.operations + 4, bytesIn: 100, bytesOut: 100 })
})

test('what servers tell counts once, however often it comes, and what comes of nobody is passed over', async () => {
  const cluster = new FakeCluster()
  const [server, other] = [cluster.joinStorage(4), cluster.joinStorage(4)]
  const tell = (number: number, bytes: number, { head } = server) =>
    cluster.ask('heartbeat', {
      incarnation: head.incarnation,
      traffic: {
        number,
        rows: [
          [0, 1, bytes, 2 * bytes, 3],
          [77, 1, 1, 1, 1],
        ],
      },
    })
  const before = (await consumed(cluster)).operations
  await tell(1, 10)
  await tell(1, 10)
  await tell(2, 5)
  await tell(1, 100, other)
  expect(await consumed(cluster)).toMatchObject({ operations: before + 4, bytesIn: 115, bytesOut: 230, actionMs: 9 })
})

test('what an active server tells is of its own namespace', async () => {
  const cluster = new FakeCluster()
  const { head } = cluster.joinActive(4)
  await cluster.ask('heartbeat', { incarnation: head.incarnation, traffic: { number: 1, rows: [[0, 0, 1, 2, 30]] } })
  expect(await consumed(cluster)).toMatchObject({ bytesIn: 1, bytesOut: 2, actionMs: 30 })
})

test('each namespace has its own, and a list of many comes in pages', async () => {
  const cluster = new FakeCluster({}, undefined, 'the secret of this cluster alone')
  const operator = new FakeConnection('operator')
  for (let index = 0; index < 300; index += 1) {
    const tokenHash = index.toString(16).padStart(64, '0')
    await cluster.ask('createNamespace', { name: `n${index}`, tokenHash }, operator)
  }
  const names: string[] = []
  let pages = 0
  for (let after: string | undefined; ; ) {
    const { namespaces, next } = await cluster.ask('listNamespaces', after === undefined ? {} : { after }, operator)
    expect(JSON.stringify(namespaces).length).toBeLessThan(40 << 10)
    names.push(...namespaces.map(({ name }) => name))
    pages += 1
    if (next === undefined) break
    after = next
  }
  expect(new Set(names).size).toBe(301)
  expect(pages).toBeGreaterThan(1)
})
