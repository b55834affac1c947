import { expect, test } from 'vitest'
import { catalogue } from '../protocol/catalogue.ts'
import { codeOf, FakeCluster, FakeConnection, messageOf } from './fakes.test.helper.ts'

async function putOne(cluster: FakeCluster, path = '/f'): Promise<void> {
  const { claim } = await cluster.ask('openWrite', { path, mode: 'put' })
  await cluster.ask('commit', { claim, size: 1, close: true })
}

function states(cluster: FakeCluster) {
  return cluster.askNow('servers', {}).servers.map(({ state }) => state)
}

test('a server is known from its second registration on', () => {
  const cluster = new FakeCluster()
  const { head, id } = cluster.joinStorage(4)
  const again = cluster.register(head, new FakeConnection('again'))
  expect(again).toEqual({ id, known: true, blockBytes: 1 << 20 })
  expect(cluster.askNow('servers', {}).servers).toEqual([
    { id, role: 'storage', address: head.address, state: 'live', storageClass: 'dram', capacity: 4, used: 0, free: 4 },
  ])
})

test('a server that is silent for 5 s is dead; one with heartbeats lives', async () => {
  const cluster = new FakeCluster()
  const silent = cluster.joinStorage(4)
  await putOne(cluster)
  const loud = cluster.joinStorage(4)
  await cluster.live(4000, loud)
  expect(states(cluster)).toEqual(['live', 'live'])
  await cluster.live(2000, loud)
  expect(states(cluster)).toEqual(['dead', 'live'])
  expect(silent.connection.closed).toBe(true)
  expect(await codeOf(cluster.ask('heartbeat', { incarnation: silent.head.incarnation }))).toBe('NOT_FOUND')
})

test('a lost registration connection alone is not death, and is told of', async () => {
  const cluster = new FakeCluster()
  const server = cluster.joinStorage(4)
  await putOne(cluster)
  server.connection.close()
  await cluster.clock.advance(3000)
  expect(states(cluster)).toEqual(['suspect'])
  expect((await cluster.ask('openRead', { path: '/f' })).locations).toHaveLength(1)
  expect(cluster.register(server.head, new FakeConnection('back')).known).toBe(true)
  await cluster.clock.advance(3000)
  expect(states(cluster)).toEqual(['live'])
})

test('bytes on a dead server are DATA_LOST, naming path and server, and can be replaced and deleted', async () => {
  const cluster = new FakeCluster()
  const server = cluster.joinStorage(4)
  await putOne(cluster)
  await putOne(cluster, '/g')
  const { node, version } = await cluster.ask('openRead', { path: '/f' })
  await cluster.clock.advance(6000)
  const reading = cluster.ask('openRead', { path: '/f' })
  expect(await codeOf(reading)).toBe('DATA_LOST')
  expect(await messageOf(reading)).toMatch(new RegExp(`/f.*${server.id}`))
  expect(await codeOf(cluster.ask('locate', { node, version, first: 0, blocks: 1 }))).toBe('DATA_LOST')
  expect(await codeOf(cluster.ask('openWrite', { path: '/f', mode: 'append' }))).toBe('DATA_LOST')
  const replacing = await cluster.ask('openWrite', { path: '/f', mode: 'replace' })
  expect(await codeOf(cluster.ask('extend', { claim: replacing.claim, blocks: 1 }))).toBe('NO_SPACE')
  await cluster.ask('release', { claim: replacing.claim })
  const other = cluster.joinStorage(4)
  await putOne(cluster)
  expect((await cluster.ask('openRead', { path: '/f' })).locations).toHaveLength(1)
  await cluster.ask('delete', { path: '/g' })
  await cluster.live(1000, other)
  // Nothing is left on the dead one: it is forgotten.
  expect(cluster.askNow('servers', {}).servers.map(({ id }) => id)).toEqual([other.id])
})

test('the same incarnation coming back revives what was not freed, and hears what was', async () => {
  const cluster = new FakeCluster()
  const server = cluster.joinStorage(4)
  await putOne(cluster)
  await putOne(cluster, '/g')
  const before = await cluster.ask('openRead', { path: '/f' })
  await cluster.clock.advance(6000)
  await cluster.ask('delete', { path: '/g' })
  const back = new FakeConnection('back')
  expect(cluster.register(server.head, back)).toMatchObject({ id: server.id, known: true })
  expect(await cluster.ask('openRead', { path: '/f' })).toEqual(before)
  await cluster.clock.advance(100)
  expect(back.sent(catalogue.freeBlocks).flatMap(({ blocks }) => blocks)).toHaveLength(1)
  expect(cluster.server.stats().blocks.find(one => one.storageClass === 'dram')).toMatchObject({ used: 1, free: 3 })
})

test('a server that is known does not come up at the address of another', async () => {
  const cluster = new FakeCluster()
  const [first, second] = [cluster.joinStorage(4), cluster.joinStorage(4)]
  const moved = { ...second.head, address: first.head.address }
  expect(await codeOf(() => cluster.register(moved, new FakeConnection('moved')))).toBe('FORBIDDEN')
  expect((await cluster.ask('servers', {})).servers.map(({ state }) => state)).toEqual(['live', 'live'])
})

test('a new incarnation at an address makes the old one dead at once', async () => {
  const cluster = new FakeCluster()
  const old = cluster.joinStorage(4)
  await putOne(cluster)
  const fresh = cluster.joinStorage(4, { address: old.head.address })
  expect(states(cluster)).toEqual(['dead', 'live'])
  expect(fresh.id).not.toBe(old.id)
  expect(await codeOf(cluster.ask('openRead', { path: '/f' }))).toBe('DATA_LOST')
  expect(old.connection.closed).toBe(true)
})

test('a metadata server that stood still itself takes nobody for dead', async () => {
  const cluster = new FakeCluster()
  cluster.joinStorage(4)
  await cluster.clock.advance(2000)
  cluster.clock.standStill(60_000)
  await cluster.clock.advance(1000)
  expect(states(cluster)).toEqual(['live'])
  await cluster.clock.advance(5000)
  expect(states(cluster)).toEqual([])
})

test('an offer that makes no sense is refused', async () => {
  const cluster = new FakeCluster()
  expect(await codeOf(() => cluster.joinStorage(1, { storageClass: 'active' }))).toBe('INVALID_ARGUMENT')
  expect(await codeOf(() => cluster.joinActive(1, { storageClass: 'dram' }))).toBe('INVALID_ARGUMENT')
  expect(await codeOf(() => cluster.joinStorage(1, { incarnation: 'short' }))).toBe('INVALID_ARGUMENT')
})

test('a stopped metadata server leaves no timer', () => {
  const cluster = new FakeCluster()
  cluster.server.stop()
  expect(cluster.clock.timers).toBe(0)
})

test('a storage server without room for a block is told so', async () => {
  const cluster = new FakeCluster({ blockBytes: 100 })
  expect(await messageOf(Promise.resolve().then(() => cluster.joinStorage(0.99)))).toContain('--capacity')
  cluster.joinStorage(1)
})
