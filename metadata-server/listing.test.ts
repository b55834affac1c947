import { expect, test } from 'vitest'
import { codeOf, FakeCluster } from './fakes.test.helper.ts'
import { listPage, PAGE_ENTRIES } from './listing.ts'
import { DirectoryNode, FileNode } from './node.ts'
import { StorageOrders } from './orders.ts'

const order = new StorageOrders(['dram']).default

function fill(cluster: FakeCluster, count: number, name = (i: number) => `f${i}`): void {
  for (let i = 0; i < count; i += 1) cluster.askNow('create', { path: `/d/${name(i)}`, type: 'file', parents: true })
}

async function rest(cluster: FakeCluster, cursor?: number): Promise<string[]> {
  const names: string[] = []
  let at = cursor
  do {
    const page = await cluster.ask('list', { path: '/d', ...(at !== undefined && { cursor: at }) })
    expect(page.entries.length).toBeLessThanOrEqual(PAGE_ENTRIES)
    expect(Buffer.byteLength(JSON.stringify(page.entries))).toBeLessThanOrEqual(40 << 10)
    names.push(...page.entries.map(entry => entry.name))
    at = page.cursor
  } while (at !== undefined)
  return names
}

test('pages give every child once, and the last one has no cursor', async () => {
  const cluster = new FakeCluster()
  fill(cluster, 2500)
  const names = await rest(cluster)
  expect(names.length).toBe(2500)
  expect(new Set(names).size).toBe(2500)
})

test('a page stays below its bytes with the longest names, all escaped', async () => {
  const cluster = new FakeCluster()
  fill(cluster, 100, i => String.fromCharCode(1 + (i % 8), 1 + Math.floor(i / 8)).repeat(120))
  expect((await rest(cluster)).length).toBe(100)
})

test('a child that is there throughout appears once while others come, go and are renamed', async () => {
  const cluster = new FakeCluster()
  fill(cluster, 3000)
  const first = await cluster.ask('list', { path: '/d' })
  const seen = first.entries.map(entry => entry.name)
  for (let i = 0; i < 3000; i += 3) await cluster.ask('delete', { path: `/d/f${i}` })
  for (let i = 1; i < 3000; i += 3) await cluster.ask('rename', { from: `/d/f${i}`, to: `/d/g${i}` })
  const names = [...seen, ...(await rest(cluster, first.cursor))]
  for (let i = 2; i < 3000; i += 3) expect(names.filter(name => name === `f${i}`)).toHaveLength(1)
  expect(names.filter(name => name.startsWith('g'))).toHaveLength(1000)
})

test('a cursor can be used again, and by several readers', async () => {
  const cluster = new FakeCluster()
  fill(cluster, 3000)
  const { cursor } = await cluster.ask('list', { path: '/d' })
  const once = await rest(cluster, cursor)
  expect(once.length).toBe(2000)
  expect(await rest(cluster, cursor)).toEqual(once)
})

test('following the cursors visits each child once, and once more as the first of a page', () => {
  const directory = new DirectoryNode({ id: 1, createdAt: 0 }, order)
  let visits = 0
  for (let i = 0; i < 10_000; i += 1) {
    const file = new FileNode({ id: i, createdAt: 0 }, order)
    file.name = `f${i}`
    directory.children.add(file)
    Object.defineProperty(file, 'type', {
      get: () => {
        visits += 1
        return 'file'
      },
    })
  }
  const pages: number[] = []
  for (let cursor: number | undefined = 0; cursor !== undefined; ) {
    const page = listPage(directory, cursor)
    pages.push(page.entries.length)
    cursor = page.cursor
  }
  expect(pages.reduce((sum, length) => sum + length, 0)).toBe(10_000)
  expect(visits).toBeLessThanOrEqual(10_000 + pages.length)
})

test('what cannot hold nodes is not listed', async () => {
  const cluster = new FakeCluster()
  await cluster.ask('create', { path: '/f', type: 'file' })
  expect(await codeOf(cluster.ask('list', { path: '/f' }))).toBe('TYPE_MISMATCH')
  expect(await codeOf(cluster.ask('list', { path: '/none' }))).toBe('NOT_FOUND')
})
