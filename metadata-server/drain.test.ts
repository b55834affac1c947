import { expect, test } from 'vitest'
import { catalogue } from '../protocol/catalogue.ts'
import { codeOf, FakeCluster, FakeConnection, type FakeServer, messageOf, settle } from './fakes.test.helper.ts'

async function put(cluster: FakeCluster, path: string, blocks = 1): Promise<void> {
  const { claim } = await cluster.ask('openWrite', { path, mode: 'put', blocks })
  await cluster.ask('commit', { claim, size: blocks << 20, close: true })
}

function stateOf(cluster: FakeCluster, { id }: FakeServer) {
  return cluster.askNow('servers', {}).servers.find(server => server.id === id)
}

test('a draining server is given nothing new, keeps what it has, and says when it is empty', async () => {
  const cluster = new FakeCluster()
  const server = cluster.joinStorage(4)
  await put(cluster, '/f', 2)
  expect(await cluster.ask('drainServer', { id: server.id })).toMatchObject({ state: 'draining', used: 2, free: 0 })
  expect(cluster.server.stats().blocks.find(one => one.storageClass === 'dram')).toMatchObject({ used: 2, free: 0 })
  let told: unknown
  const empty = cluster.ask('awaitEmpty', { id: server.id }).then(info => {
    told = info
  })
  expect((await cluster.ask('openWrite', { path: '/g', mode: 'put' })).locations).toEqual([])
  expect((await cluster.ask('openRead', { path: '/f' })).locations).toHaveLength(2)
  expect(told).toBeUndefined()
  await cluster.ask('delete', { path: '/f' })
  await empty
  expect(told).toMatchObject({ id: server.id, state: 'draining', used: 0 })
  expect(await cluster.ask('awaitEmpty', { id: server.id })).toMatchObject({ used: 0 })
})

test('it goes on draining through lost connections, and new servers are used at once', async () => {
  const cluster = new FakeCluster()
  const server = cluster.joinStorage(4)
  await put(cluster, '/f')
  await cluster.ask('drainServer', { id: server.id })
  server.connection.close()
  cluster.register(server.head, new FakeConnection('again'))
  expect(stateOf(cluster, server)).toMatchObject({ state: 'draining' })
  const other = cluster.joinStorage(4)
  await put(cluster, '/g', 3)
  expect(stateOf(cluster, server)).toMatchObject({ used: 1 })
  expect(stateOf(cluster, other)).toMatchObject({ used: 3 })
})

test.each([false, true])(
  'an active server that dies is empty, also of what was being made and ended there (%s)',
  async closed => {
    const cluster = new FakeCluster()
    const server = cluster.joinActive(4)
    for (const path of ['/made', '/ended']) await cluster.ask('create', { path, type: 'action' })
    await cluster.ask('createObject', { path: '/ended', definition: 'std/Merge' })
    server.connection.respond(catalogue.startObject, () => new Promise(() => {}))
    server.connection.respond(catalogue.stopObject, () => new Promise(() => {}))
    const asked = [
      cluster.ask('createObject', { path: '/made', definition: 'std/Merge' }),
      cluster.ask('deleteObject', { path: '/ended' }),
    ]
    const codes = Promise.all(asked.map(call => codeOf(call)))
    let told: unknown
    void cluster.ask('awaitEmpty', { id: server.id }).then(info => {
      told = info
    })
    if (closed) server.connection.close()
    await settle()
    expect(told).toBeUndefined()
    await cluster.clock.advance(6_000)
    expect(await codes).toEqual(['UNAVAILABLE', closed ? 'UNAVAILABLE' : 'no error'])
    expect(told).toMatchObject({ used: 0 })
  },
)

test('a draining active server takes no new object', async () => {
  const cluster = new FakeCluster()
  const server = cluster.joinActive(4)
  await cluster.ask('create', { path: '/a', type: 'action' })
  await cluster.ask('create', { path: '/b', type: 'action' })
  await cluster.ask('createObject', { path: '/a', definition: 'std/Merge' })
  await cluster.ask('drainServer', { id: server.id })
  expect(await codeOf(cluster.ask('createObject', { path: '/b', definition: 'std/Merge' }))).toBe('NO_SLOT')
  const empty = cluster.ask('awaitEmpty', { id: server.id })
  await cluster.ask('deleteObject', { path: '/a' })
  expect(await empty).toMatchObject({ used: 0 })
  expect(await codeOf(cluster.ask('removeServer', { id: server.id }))).toBe('no error')
  expect(cluster.askNow('servers', {}).servers).toEqual([])
})

test('an empty server is removed and not taken back; its successor is', async () => {
  const cluster = new FakeCluster()
  const server = cluster.joinStorage(4)
  await cluster.ask('removeServer', { id: server.id })
  expect(cluster.askNow('servers', {}).servers).toEqual([])
  expect(server.connection.closed).toBe(true)
  expect(await codeOf(() => cluster.register(server.head, new FakeConnection('again')))).toBe('FORBIDDEN')
  expect(await codeOf(cluster.ask('heartbeat', { incarnation: server.head.incarnation }))).toBe('NOT_FOUND')
  const fresh = cluster.joinStorage(4, { address: server.head.address })
  await put(cluster, '/f')
  expect(stateOf(cluster, fresh)).toMatchObject({ used: 1 })
})

test('one that holds something is removed only with force, and its data is lost as by death', async () => {
  const cluster = new FakeCluster()
  const server = cluster.joinStorage(4)
  await put(cluster, '/f', 2)
  const refused = cluster.ask('removeServer', { id: server.id })
  expect(await codeOf(refused)).toBe('NOT_EMPTY')
  expect(await messageOf(refused)).toMatch(new RegExp(`${server.id} still holds 2 blocks.*force`))
  const waiting = messageOf(cluster.ask('awaitEmpty', { id: server.id }))
  expect(await cluster.ask('removeServer', { id: server.id, force: true })).toMatchObject({ state: 'dead', used: 2 })
  expect(await waiting).toMatch(server.id)
  expect(await codeOf(cluster.ask('openRead', { path: '/f' }))).toBe('DATA_LOST')
  expect((await cluster.ask('stat', { path: '/f' })).lostBytes).toBe(2 << 20)
  expect(await cluster.ask('delete', { path: '/f' })).toEqual({ deleted: true })
  await cluster.clock.advance(1000)
  expect((await cluster.ask('usage', {})).blocks).toBe(0)
})

test('a dead server is removed, too', async () => {
  const cluster = new FakeCluster()
  const server = cluster.joinStorage(4)
  await put(cluster, '/f')
  await cluster.clock.advance(6000)
  expect(stateOf(cluster, server)).toMatchObject({ state: 'dead', used: 1 })
  expect(await codeOf(cluster.ask('removeServer', { id: server.id }))).toBe('NOT_EMPTY')
  await cluster.ask('removeServer', { id: server.id, force: true })
  expect(await codeOf(() => cluster.register(server.head, new FakeConnection('back')))).toBe('FORBIDDEN')
})

test('objects on an active server that is removed by force are lost', async () => {
  const cluster = new FakeCluster()
  const server = cluster.joinActive(4)
  await cluster.ask('create', { path: '/a', type: 'action' })
  await cluster.ask('createObject', { path: '/a', definition: 'std/Merge' })
  expect(await codeOf(cluster.ask('removeServer', { id: server.id }))).toBe('NOT_EMPTY')
  await cluster.ask('removeServer', { id: server.id, force: true })
  await settle()
  expect(await codeOf(cluster.ask('openObject', { path: '/a' }))).toBe('ACTION_LOST')
})

test('there is nothing to do with a server that is not there', async () => {
  const cluster = new FakeCluster()
  for (const name of ['drainServer', 'awaitEmpty', 'removeServer'] as const) {
    expect(await codeOf(cluster.ask(name, { id: 'storage-9' }))).toBe('NOT_FOUND')
  }
})

test('a lack of room that comes from draining, or from there being no server, says so', async () => {
  const cluster = new FakeCluster()
  const refusal = async (path: string, blocks: number, more: object = {}): Promise<string> => {
    const { claim } = await cluster.ask('openWrite', { path, mode: 'put', blocks, ...more })
    return messageOf(cluster.ask('extend', { claim, blocks: 1 }))
  }
  expect(await refusal('/a', 0)).toContain('there is no storage server of dram, disk: start one with --kind dram')
  const [first, second] = [cluster.joinStorage(4), cluster.joinStorage(1)]
  expect(await refusal('/b', 0, { storageClass: ['disk'] })).toContain('no storage server of disk: start one with --kind disk')
  await cluster.ask('drainServer', { id: first.id })
  const one = 'no block is free in dram, disk (1 of 2 is draining, and takes nothing new): delete something or start'
  expect(await refusal('/c', 1)).toContain(one)
  await cluster.ask('drainServer', { id: second.id })
  expect(await refusal('/d', 0)).toContain('(2 of 2 are draining, and take nothing new): start another storage server')
})

test('a lack of slots that comes from draining says so', async () => {
  const cluster = new FakeCluster()
  const server = cluster.joinActive(4)
  await cluster.ask('create', { path: '/a', type: 'action' })
  await cluster.ask('drainServer', { id: server.id })
  const creating = cluster.ask('createObject', { path: '/a', definition: 'std/Merge' })
  expect(await codeOf(creating)).toBe('NO_SLOT')
  expect(await messageOf(creating)).toContain('(the only one is draining, and takes nothing new): start another active server')
})
