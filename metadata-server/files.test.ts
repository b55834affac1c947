import { describe, expect, test } from 'vitest'
import { catalogue } from '../protocol/catalogue.ts'
import { readLocation, verifyProof } from '../protocol/location.ts'
import { codeOf, FakeCluster, FakeConnection, messageOf } from './fakes.test.helper.ts'

const MIB = 1 << 20

function at(location: string) {
  return readLocation(Buffer.from(location, 'base64url'))
}

function free(cluster: FakeCluster): number {
  return cluster.server.stats().blocks.reduce((sum, one) => sum + one.free, 0)
}

async function put(cluster: FakeCluster, path: string, size: number, from = cluster.client) {
  const opened = await cluster.ask('openWrite', { path, mode: 'put', blocks: Math.ceil(size / MIB) }, from)
  return cluster.ask('commit', { claim: opened.claim, size, close: true }, from)
}

describe('a plain write', () => {
  test('swaps new blocks in at its close, frees the old ones and changes the version', async () => {
    const cluster = new FakeCluster()
    cluster.joinStorage(10)
    await put(cluster, '/f', 2 * MIB)
    const before = await cluster.ask('openRead', { path: '/f' })
    const { claim } = await cluster.ask('openWrite', { path: '/f', mode: 'replace', blocks: 3 })
    expect(await cluster.ask('openRead', { path: '/f' })).toEqual(before)
    expect((await cluster.ask('commit', { claim, size: 10, close: true })).size).toBe(10)
    const after = await cluster.ask('openRead', { path: '/f' })
    expect(after.version).not.toBe(before.version)
    expect(after.locations).toHaveLength(1)
    expect(free(cluster)).toBe(9)
    expect(await codeOf(cluster.ask('locate', { node: before.node, version: before.version, first: 0, blocks: 1 }))).toBe(
      'BLOCK_GONE',
    )
    expect(await cluster.ask('usage', {})).toMatchObject({ nodes: 1, storedBytes: 10, blocks: 1, slots: 0 })
  })

  test('leaves the old bytes when it is released, or its connection goes', async () => {
    const cluster = new FakeCluster()
    cluster.joinStorage(10)
    await put(cluster, '/f', 100)
    const before = await cluster.ask('openRead', { path: '/f' })
    const { claim } = await cluster.ask('openWrite', { path: '/f', mode: 'put', blocks: 4 })
    await cluster.ask('release', { claim })
    await cluster.ask('release', { claim })
    const other = new FakeConnection('other')
    await cluster.ask('openWrite', { path: '/f', mode: 'put', blocks: 4 }, other)
    expect(free(cluster)).toBe(5)
    other.close()
    expect(free(cluster)).toBe(9)
    expect(await cluster.ask('openRead', { path: '/f' })).toEqual(before)
  })

  test('a put to nothing makes the file, and its parents, only at its close', async () => {
    const cluster = new FakeCluster()
    cluster.joinStorage(2)
    expect(await codeOf(cluster.ask('openWrite', { path: '/a/f', mode: 'put' }))).toBe('NOT_FOUND')
    const { claim } = await cluster.ask('openWrite', { path: '/a/f', mode: 'put', parents: true })
    expect(await cluster.ask('exists', { path: '/a' })).toEqual({ exists: false })
    expect(await codeOf(cluster.ask('openWrite', { path: '/a/f', mode: 'put', parents: true }))).toBe('BUSY')
    expect(await cluster.ask('commit', { claim, size: 5, close: true })).toMatchObject({ path: '/a/f', size: 5 })
  })

  test('a put whose place was taken by another type meanwhile frees its blocks', async () => {
    const cluster = new FakeCluster()
    cluster.joinStorage(4)
    const { claim } = await cluster.ask('openWrite', { path: '/f', mode: 'put', blocks: 2 })
    await cluster.ask('create', { path: '/f', type: 'directory' })
    expect(await codeOf(cluster.ask('commit', { claim, size: 1, close: true }))).toBe('TYPE_MISMATCH')
    expect(free(cluster)).toBe(4)
  })

  test('a put whose place was taken by a file meanwhile replaces it', async () => {
    const cluster = new FakeCluster()
    cluster.joinStorage(4)
    const first = await cluster.ask('openWrite', { path: '/f', mode: 'put' })
    await cluster.ask('create', { path: '/f', type: 'file' })
    expect((await cluster.ask('commit', { claim: first.claim, size: 7, close: true })).size).toBe(7)
    expect((await put(cluster, '/f', 8)).size).toBe(8)
    expect(free(cluster)).toBe(3)
  })
})

describe('writes in place', () => {
  test('append goes on in the block that the size falls into, and never shrinks', async () => {
    const cluster = new FakeCluster()
    cluster.joinStorage(10)
    await put(cluster, '/f', MIB + 10)
    const opened = await cluster.ask('openWrite', { path: '/f', mode: 'append', blocks: 2 })
    expect(opened).toMatchObject({ size: MIB + 10, first: 1 })
    expect(opened.locations).toHaveLength(3)
    const before = await cluster.ask('openRead', { path: '/f' })
    expect(at(opened.locations[0] ?? '')).toMatchObject({ block: at(before.locations[1] ?? '').block, purpose: 'write' })
    const { claim } = opened
    expect((await cluster.ask('commit', { claim, size: 2 * MIB + 1, close: false })).size).toBe(2 * MIB + 1)
    expect((await cluster.ask('commit', { claim, size: 5, close: true })).size).toBe(2 * MIB + 1)
    const after = await cluster.ask('openRead', { path: '/f' })
    expect(after.version).toBe(before.version)
    expect(after.locations).toHaveLength(3)
    expect(free(cluster)).toBe(7)
    expect((await cluster.ask('usage', {})).storedBytes).toBe(2 * MIB + 1)
  })

  test('append behind a full block begins with a new one', async () => {
    const cluster = new FakeCluster()
    cluster.joinStorage(3)
    await put(cluster, '/f', MIB)
    const opened = await cluster.ask('openWrite', { path: '/f', mode: 'append' })
    expect(opened).toMatchObject({ first: 1, size: MIB })
    expect(opened.locations).toHaveLength(1)
  })

  test('update takes no new block unless asked, and extends behind the committed ones', async () => {
    const cluster = new FakeCluster()
    cluster.joinStorage(4)
    await put(cluster, '/f', 2 * MIB)
    const opened = await cluster.ask('openWrite', { path: '/f', mode: 'update' })
    expect(opened).toMatchObject({ first: 0, size: 2 * MIB })
    expect(opened.locations).toHaveLength(2)
    const more = await cluster.ask('extend', { claim: opened.claim, blocks: 1 })
    const node = (await cluster.ask('stat', { path: '/f' })).node
    const all = await cluster.ask('locate', { node, version: 1, claim: opened.claim, first: 0, blocks: 10 })
    expect(all.locations).toEqual([...opened.locations, ...more.locations])
    expect((await cluster.ask('locate', { node, version: 1, claim: opened.claim, first: 2, blocks: 1 })).locations).toEqual(
      more.locations,
    )
  })
})

test('there is one writer at a time, and its claim names the path', async () => {
  const cluster = new FakeCluster()
  cluster.joinStorage(4)
  await put(cluster, '/f', 1)
  await cluster.ask('openWrite', { path: '/f', mode: 'update' })
  for (const mode of ['replace', 'put', 'append', 'update'] as const) {
    const second = cluster.ask('openWrite', { path: '/f', mode })
    expect(await codeOf(second)).toBe('BUSY')
    expect(await messageOf(second)).toContain('/f')
  }
  expect(free(cluster)).toBe(3)
})

test('a commit beyond the blocks of the claim is INVALID_ARGUMENT and leaves the claim', async () => {
  const cluster = new FakeCluster()
  cluster.joinStorage(4)
  const { claim } = await cluster.ask('openWrite', { path: '/f', mode: 'put', blocks: 1 })
  expect(await codeOf(cluster.ask('commit', { claim, size: MIB + 1, close: true }))).toBe('INVALID_ARGUMENT')
  expect(await codeOf(cluster.ask('commit', { claim, size: 1, close: false }))).toBe('INVALID_ARGUMENT')
  expect((await cluster.ask('commit', { claim, size: MIB, close: true })).size).toBe(MIB)
})

test('after a delete the writer gets NOT_FOUND naming the path, the reader BLOCK_GONE, and every block is free', async () => {
  const cluster = new FakeCluster()
  cluster.joinStorage(8)
  await put(cluster, '/d', 3 * MIB)
  const read = await cluster.ask('openRead', { path: '/d', blocks: 1 })
  for (const mode of ['replace', 'append'] as const) {
    await cluster.ask('create', { path: '/d', type: 'file', ifExists: 'open' })
    const { claim } = await cluster.ask('openWrite', { path: '/d', mode, blocks: 2 })
    expect(await cluster.ask('delete', { path: '/d' })).toEqual({ deleted: true })
    expect(free(cluster)).toBe(8)
    expect(await codeOf(cluster.ask('extend', { claim, blocks: 1 }))).toBe('NOT_FOUND')
    expect(await messageOf(cluster.ask('commit', { claim, size: 1, close: true }))).toContain('/d')
    await cluster.ask('release', { claim })
  }
  expect(await codeOf(cluster.ask('locate', { node: read.node, version: read.version, first: 1, blocks: 1 }))).toBe('BLOCK_GONE')
  expect(free(cluster)).toBe(8)
  expect(await cluster.ask('usage', {})).toMatchObject({ nodes: 0, storedBytes: 0, blocks: 0, slots: 0 })
})

test('a full class falls back to the next of the order, and NO_SPACE changes nothing', async () => {
  const cluster = new FakeCluster()
  const dram = cluster.joinStorage(1)
  const disk = cluster.joinStorage(1, { storageClass: 'disk' })
  const one = await cluster.ask('openWrite', { path: '/one', mode: 'put' })
  const two = await cluster.ask('openWrite', { path: '/two', mode: 'put', blocks: 5 })
  expect(Object.keys(one.servers)).toEqual([dram.head.incarnation])
  expect(Object.keys(two.servers)).toEqual([disk.head.incarnation])
  expect(two.locations).toHaveLength(1)
  expect(await codeOf(cluster.ask('extend', { claim: two.claim, blocks: 1 }))).toBe('NO_SPACE')
  const three = await cluster.ask('openWrite', { path: '/three', mode: 'put' })
  expect(three.locations).toEqual([])
  expect(await codeOf(cluster.ask('extend', { claim: three.claim, blocks: 1 }))).toBe('NO_SPACE')
  await cluster.ask('release', { claim: three.claim })
  await cluster.ask('release', { claim: one.claim })
  const onDisk = (path: string, storageClass: string | string[]) => cluster.ask('openWrite', { path, mode: 'put', storageClass })
  expect((await onDisk('/four', ['disk'])).locations).toEqual([])
  expect((await onDisk('/five', 'disk')).locations).toHaveLength(1)
})

test('blocks go round the servers of a class', async () => {
  const cluster = new FakeCluster()
  const servers = [cluster.joinStorage(4), cluster.joinStorage(4), cluster.joinStorage(4)]
  const { locations } = await cluster.ask('openWrite', { path: '/f', mode: 'put', blocks: 6 })
  const counts = servers.map(({ head }) => locations.filter(one => at(one).incarnation === head.incarnation).length)
  expect(counts).toEqual([2, 2, 2])
})

test('locations carry proofs for their purpose, and a block handed out again has a higher generation', async () => {
  const cluster = new FakeCluster()
  const { head } = cluster.joinStorage(1)
  const key = Buffer.from(head.proofKey, 'base64url')
  await put(cluster, '/f', 1)
  const first = at((await cluster.ask('openRead', { path: '/f' })).locations[0] ?? '')
  expect(first.purpose).toBe('read')
  verifyProof(first, key)
  await cluster.ask('delete', { path: '/f' })
  const second = at((await cluster.ask('openWrite', { path: '/f', mode: 'put' })).locations[0] ?? '')
  expect(second.purpose).toBe('write')
  verifyProof(second, key)
  expect(second.block).toBe(first.block)
  expect(second.generation.counter).toBeGreaterThan(first.generation.counter)
})

test('freed blocks are told to their server within 100 ms, and again until it has answered', async () => {
  const cluster = new FakeCluster()
  const { connection } = cluster.joinStorage(4)
  await put(cluster, '/f', 2 * MIB)
  const blocks = (await cluster.ask('openRead', { path: '/f' })).locations.map(one => {
    const { block, generation } = at(one)
    return [block, generation.epoch, generation.counter]
  })
  let answers = 0
  connection.respond(catalogue.freeBlocks, () => {
    answers += 1
    if (answers === 1) throw new Error('not now')
    return {}
  })
  await cluster.ask('delete', { path: '/f' })
  await cluster.clock.advance(100)
  expect(connection.sent(catalogue.freeBlocks)[0]?.blocks).toEqual(expect.arrayContaining(blocks))
  expect(connection.sent(catalogue.freeBlocks)[0]?.blocks).toHaveLength(2)
  await cluster.clock.advance(100)
  expect(connection.sent(catalogue.freeBlocks)).toHaveLength(2)
  await cluster.clock.advance(1000)
  expect(connection.sent(catalogue.freeBlocks)).toHaveLength(2)
})

test('a reader begins with the block that holds its start', async () => {
  const cluster = new FakeCluster()
  cluster.joinStorage(8)
  await put(cluster, '/f', 5 * MIB)
  const all = await cluster.ask('openRead', { path: '/f', blocks: 8 })
  const part = await cluster.ask('openRead', { path: '/f', start: 3 * MIB + 1, blocks: 1 })
  expect(part).toMatchObject({ first: 3, size: 5 * MIB, locations: [all.locations[3]] })
  const more = await cluster.ask('locate', { node: part.node, version: part.version, first: 4, blocks: 9 })
  expect(more.locations).toEqual(all.locations.slice(4))
  expect((await cluster.ask('openRead', { path: '/f', start: 99 * MIB })).locations).toEqual([])
  expect(await codeOf(cluster.ask('openRead', { path: '/' }))).toBe('TYPE_MISMATCH')
})

test('the deletion of much is done in slices, so that no turn is long', async () => {
  const cluster = new FakeCluster({ blockBytes: 1 })
  cluster.joinStorage(20_000)
  let size = 0
  const { claim } = await cluster.ask('openWrite', { path: '/f', mode: 'put', blocks: 1 })
  for (; size < 19_000; size += 250) await cluster.ask('extend', { claim, blocks: 250 })
  await cluster.ask('commit', { claim, size, close: true })
  const deletion = cluster.ask('delete', { path: '/f' })
  let before = free(cluster)
  let turns = 0
  while (cluster.clock.turn()) {
    expect(free(cluster) - before).toBeLessThanOrEqual(2000)
    before = free(cluster)
    turns += 1
  }
  expect(turns).toBeGreaterThan(8)
  expect(await deletion).toEqual({ deleted: true })
  expect(before).toBe(20_000)
})
