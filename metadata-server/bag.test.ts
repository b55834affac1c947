import { expect, test } from 'vitest'
import { codeOf, FakeCluster, FakeConnection } from './fakes.test.helper.ts'

const BLOCK = 10

async function withBag(blocks = 2000) {
  const cluster = new FakeCluster({ blockBytes: BLOCK })
  cluster.joinStorage(blocks)
  const { node } = await cluster.ask('create', { path: '/b', type: 'bag' })
  const open = (from = cluster.client) => cluster.ask('openWrite', { node, mode: 'append', blocks: 4 }, from)
  const close = (claim: string, size: number) => cluster.ask('commit', { claim, size, close: true })
  const append = async (size: number) => close((await open()).claim, size)
  return { cluster, node, open, close, append }
}

test('many parts are written at the same time, and count when they have closed', async () => {
  const { cluster, node, open, close } = await withBag()
  const [first, second, third] = [await open(), await open(), await open()]
  await close(second.claim, 15)
  expect(await cluster.ask('stat', { node })).toMatchObject({ type: 'bag', size: 15 })
  expect(await close(first.claim, 40)).toMatchObject({ path: '/b', size: 55 })
  await close(third.claim, 0)
  expect(await cluster.ask('locateParts', { node })).toMatchObject({ parts: 2, lengths: [10, 5, 10, 10, 10, 10] })
  expect(await cluster.ask('usage', {})).toMatchObject({ nodes: 1, storedBytes: 55, blocks: 6, slots: 0 })
})

test('an aborted part leaves nothing, nor does one whose writer has gone', async () => {
  const { cluster, open } = await withBag()
  await cluster.ask('release', { claim: (await open()).claim })
  const other = new FakeConnection('other')
  await open(other)
  other.close()
  const { claim } = await open()
  expect(await codeOf(cluster.ask('commit', { claim, size: 5, close: false }))).toBe('INVALID_ARGUMENT')
  await cluster.ask('release', { claim })
  expect(await cluster.ask('usage', {})).toMatchObject({ nodes: 1, storedBytes: 0, blocks: 0, slots: 0 })
})

test('pages go through every block of the parts that were there at first', async () => {
  const { cluster, node, open, close, append } = await withBag()
  const sizes = [1, 10, 11, 35, 20]
  for (const size of sizes) await append(size)
  const long = await open()
  await cluster.ask('extend', { claim: long.claim, blocks: 96 })
  await close(long.claim, 1000)
  for (const blocks of [1, 3, 64, 256]) {
    let page = await cluster.ask('locateParts', { node, blocks })
    const lengths = [...page.lengths]
    const locations = [...page.locations]
    while (page.next) {
      await append(7)
      expect(page.locations.length).toBeLessThanOrEqual(blocks)
      page = await cluster.ask('locateParts', { node, parts: page.parts, next: page.next, blocks })
      lengths.push(...page.lengths)
      locations.push(...page.locations)
    }
    expect(lengths.slice(0, 10)).toEqual([1, 10, 10, 1, 10, 10, 10, 5, 10, 10])
    expect(lengths.slice(10, 110)).toEqual(Array.from({ length: 100 }, () => 10))
    expect(new Set(locations).size).toBe(lengths.length)
  }
  expect((await cluster.ask('locateParts', { node, next: [9_999, 3] })).locations).toEqual([])
})

test('a bag is deleted with its parts, without recursive, and with what is being written', async () => {
  const { cluster, node, open, close, append } = await withBag()
  for (let i = 0; i < 400; i += 1) await append(21)
  const { claim } = await open()
  const deletion = cluster.ask('delete', { path: '/b' })
  await cluster.clock.advance(1)
  expect(await deletion).toEqual({ deleted: true })
  expect(await cluster.ask('usage', {})).toMatchObject({ nodes: 0, storedBytes: 0, blocks: 0, slots: 0 })
  expect(await codeOf(cluster.ask('extend', { claim, blocks: 1 }))).toBe('NOT_FOUND')
  expect(await codeOf(close(claim, 5))).toBe('NOT_FOUND')
  expect(await codeOf(open())).toBe('NOT_FOUND')
  expect(await codeOf(cluster.ask('locateParts', { node, next: [0, 1], parts: 3 }))).toBe('BLOCK_GONE')
  expect(await codeOf(cluster.ask('locateParts', { node }))).toBe('NOT_FOUND')
})

test('a bag is replaced by an empty one, holds nothing and has no bytes of its own', async () => {
  const { cluster, append } = await withBag()
  await append(5)
  for (const mode of ['put', 'replace', 'update'] as const) {
    expect(await codeOf(cluster.ask('openWrite', { path: '/b', mode }))).toBe('TYPE_MISMATCH')
  }
  for (const operation of ['openRead', 'get', 'list'] as const) {
    expect(await codeOf(cluster.ask(operation, { path: '/b' }))).toBe('TYPE_MISMATCH')
  }
  expect(await codeOf(cluster.ask('create', { path: '/b/x', type: 'file' }))).toBe('TYPE_MISMATCH')
  await cluster.ask('create', { path: '/f', type: 'file' })
  expect(await codeOf(cluster.ask('locateParts', { path: '/f' }))).toBe('TYPE_MISMATCH')
  expect(await cluster.ask('create', { path: '/b', type: 'bag', ifExists: 'replace' })).toMatchObject({ size: 0 })
  expect(await cluster.ask('usage', {})).toMatchObject({ nodes: 2, storedBytes: 0, blocks: 0, slots: 0 })
})
