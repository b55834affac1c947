import { expect, test } from 'vitest'
import { codeOf, FakeCluster, FakeConnection, type FakeServer, messageOf } from './fakes.test.helper.ts'

const MIB = 1 << 20

/** Writes so many blocks; answers which of the servers they are on. */
async function put(cluster: FakeCluster, path: string, blocks: number, more: object = {}): Promise<string[]> {
  const opened = await cluster.ask('openWrite', { path, mode: 'put', blocks, ...more })
  await cluster.ask('commit', { claim: opened.claim, size: blocks * MIB, close: true })
  return opened.locations.map(incarnationOf)
}

function incarnationOf(location: string): string {
  return Buffer.from(location, 'base64url').toString('latin1', 0, 12)
}

function names(...servers: FakeServer[]): string[] {
  return servers.map(({ head }) => head.incarnation)
}

test('the blocks of one node spread over servers and classes, and NO_SPACE comes when all of its order are full', async () => {
  const cluster = new FakeCluster()
  const servers = [cluster.joinStorage(2), cluster.joinStorage(2), cluster.joinStorage(1, { storageClass: 'disk' })]
  const [a, b, c] = names(...servers)
  expect(await put(cluster, '/f', 5)).toEqual([a, b, a, b, c])
  const { claim } = await cluster.ask('openWrite', { path: '/g', mode: 'put', blocks: 0 })
  expect(await messageOf(cluster.ask('extend', { claim, blocks: 1 }))).toMatch(/\/g.*dram, disk/)
})

test('a class that is named again and again in an order is in it once', async () => {
  const cluster = new FakeCluster()
  cluster.joinStorage(2)
  const { claim } = await cluster.ask('openWrite', { path: '/f', mode: 'put', blocks: 2, storageClass: ['dram', 'dram'] })
  expect(await messageOf(cluster.ask('extend', { claim, blocks: 1 }))).toContain('no block is free in dram:')
})

test('an order of one class never leaves it', async () => {
  const cluster = new FakeCluster()
  cluster.joinStorage(2)
  const [disk] = names(cluster.joinStorage(1, { storageClass: 'disk' }))
  await cluster.ask('create', { path: '/f', type: 'file', storageClass: ['disk'] })
  const { claim, locations } = await cluster.ask('openWrite', { path: '/f', mode: 'replace', blocks: 2 })
  expect(locations.map(incarnationOf)).toEqual([disk])
  expect(await codeOf(cluster.ask('extend', { claim, blocks: 1 }))).toBe('NO_SPACE')
})

test('a class that only a server brings is usable by its name, and by nobody else', async () => {
  const cluster = new FakeCluster()
  expect(await codeOf(put(cluster, '/f', 1, { storageClass: 'nvme' }))).toBe('INVALID_ARGUMENT')
  const [nvme] = names(cluster.joinStorage(2, { storageClass: 'nvme' }))
  expect(await put(cluster, '/f', 1, { storageClass: 'nvme' })).toEqual([nvme])
  expect((await cluster.ask('openWrite', { path: '/g', mode: 'put' })).locations).toEqual([])
})

test('the order of the namespace is the operator’s', async () => {
  const cluster = new FakeCluster({ storageClasses: ['fast', 'slow'] })
  const [slow, fast] = names(cluster.joinStorage(1, { storageClass: 'slow' }), cluster.joinStorage(1, { storageClass: 'fast' }))
  expect(await put(cluster, '/f', 2)).toEqual([fast, slow])
})

test('a directory tells the class of what is created below it, at any depth, and a rename changes none', async () => {
  const cluster = new FakeCluster()
  cluster.joinStorage(9)
  const [disk] = names(cluster.joinStorage(9, { storageClass: 'disk' }))
  await cluster.ask('create', { path: '/cold', type: 'directory', storageClass: ['disk'] })
  expect(await put(cluster, '/cold/a', 1)).toEqual([disk])
  expect(await put(cluster, '/cold/b/c/d', 1, { parents: true })).toEqual([disk])
  await cluster.ask('create', { path: '/cold/e/f', type: 'file', parents: true })
  await cluster.ask('rename', { from: '/cold/e', to: '/e' })
  expect(await put(cluster, '/e/f', 1)).toEqual([disk])
  expect(await put(cluster, '/e/g', 1)).toEqual([disk])
  expect((await cluster.ask('stat', { path: '/e/f' })).storageClass).toBe('disk')
})

test('near asks for the server of the data, then for its host, then for any', async () => {
  const cluster = new FakeCluster()
  const at = (address: string, blocks: number) => cluster.joinStorage(blocks, { address })
  const servers = [at('a:1', 3), at('a:2', 3), at('b:1', 3), at('b:2', 3)]
  const [a1, a2, b1, b2] = names(...servers)
  for (const first of [a1, a2, b1]) expect(await put(cluster, `/${first}`, 1)).toEqual([first])
  const near = `/${b1}`
  await cluster.ask('create', { path: '/f', type: 'file', near })
  expect(await put(cluster, '/f', 3)).toEqual([b1, b1, b2])
  expect(await put(cluster, '/g', 3, { near })).toEqual([b2, b2, expect.stringMatching(`${a1}|${a2}`)])
})

test('near a directory, an empty file or nothing is no wish, and a class comes before it', async () => {
  const cluster = new FakeCluster()
  const [dram] = names(cluster.joinStorage(1, { address: 'a:1' }))
  await put(cluster, '/data', 1)
  const [disk] = names(cluster.joinStorage(4, { address: 'a:2', storageClass: 'disk' }))
  const [other] = names(cluster.joinStorage(4, { address: 'b:1' }))
  expect(dram).not.toBe(other)
  expect(await put(cluster, '/f', 1, { near: '/data' })).toEqual([other])
  expect(await put(cluster, '/g', 1, { near: '/data', storageClass: ['disk'] })).toEqual([disk])
  await cluster.ask('create', { path: '/empty', type: 'file' })
  for (const near of ['/', '/empty', '/nothing']) expect(await put(cluster, `/near-${near.length}`, 1, { near })).toEqual([other])
  expect(await codeOf(put(cluster, '/h', 1, { near: 'relative' }))).toBe('INVALID_PATH')
})

test('an action near data gets its object on that host, and data near an action its host', async () => {
  const cluster = new FakeCluster()
  cluster.joinStorage(4, { address: 'a:1' })
  const active = [cluster.joinActive(1, { address: 'b:1' }), cluster.joinActive(1, { address: 'a:2' })]
  await put(cluster, '/data', 1)
  const [b2] = names(cluster.joinStorage(4, { address: 'b:2' }))
  await cluster.ask('create', { path: '/act', type: 'action', near: '/data' })
  await cluster.ask('createObject', { path: '/act', definition: 'std/Merge' })
  expect((await cluster.ask('openObject', { path: '/act' })).address).toBe(active[1]?.head.address)
  await cluster.ask('create', { path: '/more', type: 'action', near: '/data' })
  await cluster.ask('createObject', { path: '/more', definition: 'std/Merge' })
  expect((await cluster.ask('openObject', { path: '/more' })).address).toBe(active[0]?.head.address)
  expect(await put(cluster, '/f', 2, { near: '/more' })).toEqual([b2, b2])
})

test('a server that may be about to die is given something only when all others are full', async () => {
  const cluster = new FakeCluster()
  const [suspect, disk] = [cluster.joinStorage(4), cluster.joinStorage(1, { storageClass: 'disk' })]
  suspect.connection.close()
  expect(await put(cluster, '/f', 3)).toEqual([...names(disk), ...names(suspect), ...names(suspect)])
})

test('a writer is given another block while nothing of its own is known to be lost', async () => {
  const cluster = new FakeCluster()
  const first = cluster.joinStorage(4)
  const { claim, locations } = await cluster.ask('openWrite', { path: '/f', mode: 'put', blocks: 2 })
  const location = locations[1] ?? ''
  const replace = () => cluster.ask('replaceBlock', { claim, location })
  expect((await replace()).locations).toEqual([location])
  first.connection.close()
  // There is no other: its server may come back.
  expect((await replace()).locations).toEqual([location])
  const second = cluster.joinStorage(4)
  const [other = ''] = (await replace()).locations
  expect(incarnationOf(other)).toBe(second.head.incarnation)
  expect(await codeOf(replace())).toBe('NOT_FOUND')
  expect((await cluster.ask('locate', { claim, node: 0, version: 0, first: 1, blocks: 1 })).locations).toEqual([other])
  expect(cluster.server.stats().blocks.find(one => one.storageClass === 'dram')).toMatchObject({ used: 2 })
  await cluster.live(6000, second)
  // What is committed is there.
  expect(await codeOf(cluster.ask('commit', { claim, size: 2 * MIB, close: true }))).toBe('DATA_LOST')
  await cluster.ask('release', { claim })
  expect(await cluster.ask('exists', { path: '/f' })).toEqual({ exists: false })
})

test('no block is exchanged that was committed, freed, or never given', async () => {
  const cluster = new FakeCluster()
  const dying = cluster.joinStorage(4)
  const { claim, locations } = await cluster.ask('openWrite', { path: '/f', mode: 'put' })
  await cluster.ask('commit', { claim, size: MIB, close: true })
  const append = await cluster.ask('openWrite', { path: '/f', mode: 'append', blocks: 1 })
  cluster.joinStorage(4)
  dying.connection.close()
  expect(await codeOf(cluster.ask('replaceBlock', { claim: append.claim, location: locations[0] ?? '' }))).toBe('NOT_FOUND')
  await cluster.ask('delete', { path: '/f' })
  expect(await codeOf(cluster.ask('replaceBlock', { claim: append.claim, location: append.locations.at(-1) ?? '' }))).toBe(
    'NOT_FOUND',
  )
})

test('with every other server full, a block on a dead one is NO_SPACE', async () => {
  const cluster = new FakeCluster()
  cluster.joinStorage(1)
  const { claim, locations } = await cluster.ask('openWrite', { path: '/f', mode: 'put' })
  await cluster.clock.advance(6000)
  const location = locations[0] ?? ''
  expect(await messageOf(cluster.ask('replaceBlock', { claim, location }))).toMatch(/\/f.*storage-1/)
  expect(await codeOf(cluster.ask('replaceBlock', { claim, location }))).toBe('NO_SPACE')
})

test('stat tells how many bytes are lost, and no longer when their server is back', async () => {
  const cluster = new FakeCluster()
  const [dying, staying] = [cluster.joinStorage(4), cluster.joinStorage(4)]
  const { claim } = await cluster.ask('openWrite', { path: '/f', mode: 'put', blocks: 3 })
  await cluster.ask('commit', { claim, size: 2 * MIB + 7, close: true })
  expect(await cluster.ask('stat', { path: '/f' })).not.toHaveProperty('lostBytes')
  await cluster.live(6000, staying)
  expect(await cluster.ask('stat', { path: '/f' })).toMatchObject({ size: 2 * MIB + 7, lostBytes: MIB + 7 })
  cluster.register(dying.head, new FakeConnection('back'))
  expect(await cluster.ask('stat', { path: '/f' })).not.toHaveProperty('lostBytes')
})
