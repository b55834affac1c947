import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { codeOf, FakeCluster, FakeConnection, messageOf } from './fakes.test.helper.ts'

const MIB = 1 << 20
const nothing = { nodes: 0, storedBytes: 0, blocks: 0, slots: 0 }

function joined(config: ConstructorParameters<typeof FakeCluster>[0] = {}, blocks = 8): FakeCluster {
  const cluster = new FakeCluster(config)
  cluster.joinStorage(blocks)
  return cluster
}

async function put(cluster: FakeCluster, path: string, bytes: Buffer): Promise<boolean> {
  return (await cluster.askBytes('put', { path }, bytes)).head.stored
}

async function viaBlocks(cluster: FakeCluster, path: string, size: number): Promise<void> {
  const { claim } = await cluster.ask('openWrite', { path, mode: 'put', blocks: Math.ceil(size / MIB) })
  await cluster.ask('commit', { claim, size, close: true })
}

const text = Buffer.from('some bytes')

describe('a small file', () => {
  test('is put and got with one operation each, and takes no block', async () => {
    const cluster = new FakeCluster()
    expect(await put(cluster, '/f', text)).toBe(true)
    expect(await cluster.askBytes('get', { path: '/f' })).toEqual({ head: {}, body: text })
    expect(await cluster.ask('usage', {})).toMatchObject({ nodes: 1, storedBytes: text.length, blocks: 0, slots: 0 })
    const opened = await cluster.askBytes('openRead', { path: '/f', start: 3 })
    expect(opened).toMatchObject({ head: { size: text.length, locations: [] }, body: text })
    expect(await put(cluster, '/f', Buffer.alloc(0))).toBe(true)
    expect(await cluster.askBytes('get', { path: '/f' })).toEqual({ head: {}, body: Buffer.alloc(0) })
    await cluster.ask('delete', { path: '/f' })
    expect(cluster.server.stats()).toMatchObject({ storedBytes: 0, inlineBytes: 0 })
  })

  test('replaces one in blocks, and is replaced by one, at once', async () => {
    const cluster = joined()
    await viaBlocks(cluster, '/f', 3 * MIB)
    const large = await cluster.askBytes('get', { path: '/f' })
    expect(large.head.opened).toEqual(await cluster.ask('openRead', { path: '/f' }))
    expect(await put(cluster, '/f', text)).toBe(true)
    const { node, version } = large.head.opened ?? { node: 0, version: 0 }
    expect(await codeOf(cluster.ask('locate', { node, version, first: 0, blocks: 1 }))).toBe('BLOCK_GONE')
    expect(await cluster.ask('usage', {})).toMatchObject({ storedBytes: text.length, blocks: 0 })
    await viaBlocks(cluster, '/f', MIB)
    expect(await cluster.ask('usage', {})).toMatchObject({ storedBytes: MIB, blocks: 1 })
    expect(cluster.server.stats().inlineBytes).toBe(0)
  })

  test('has the one writer of its file to wait for', async () => {
    const cluster = joined()
    await put(cluster, '/f', text)
    const { claim } = await cluster.ask('openWrite', { path: '/f', mode: 'replace' })
    expect(await codeOf(put(cluster, '/f', text))).toBe('BUSY')
    await cluster.ask('release', { claim })
    const made = await cluster.ask('openWrite', { path: '/g', mode: 'put' })
    expect(await codeOf(put(cluster, '/g', text))).toBe('BUSY')
    await cluster.ask('release', { claim: made.claim })
    expect(await put(cluster, '/g', text)).toBe(true)
  })

  test('is put by the rules of the tree', async () => {
    const cluster = new FakeCluster()
    expect(await codeOf(put(cluster, '/a/f', text))).toBe('NOT_FOUND')
    await cluster.askBytes('put', { path: '/a/f', parents: true }, text)
    for (const type of ['directory', 'table', 'bag', 'action'] as const) {
      await cluster.ask('create', { path: `/${type}`, type })
      expect(await codeOf(put(cluster, `/${type}`, text))).toBe('TYPE_MISMATCH')
      expect(await codeOf(cluster.askBytes('get', { path: `/${type}` }))).toBe('TYPE_MISMATCH')
    }
    expect(await codeOf(put(cluster, '/a/f/x', text))).toBe('TYPE_MISMATCH')
    expect(await codeOf(cluster.askBytes('get', { path: '/a/f/x' }))).toBe('NOT_FOUND')
    expect(await codeOf(cluster.askBytes('put', { path: '/x', storageClass: 'tape' }, text))).toBe('INVALID_ARGUMENT')
    expect(await cluster.ask('exists', { path: '/x' })).toEqual({ exists: false })
    expect((await cluster.ask('lookup', { path: '/a/f', type: 'file' })).size).toBe(text.length)
  })

  test('is repeated with the first answer', async () => {
    const cluster = new FakeCluster()
    const first = await cluster.askBytes('put', { path: '/f', sequence: 1 }, text)
    await cluster.ask('delete', { path: '/f', sequence: 2 })
    expect(await cluster.askBytes('put', { path: '/f', sequence: 1 }, text, new FakeConnection('client'))).toEqual(first)
    expect(await cluster.ask('exists', { path: '/f' })).toEqual({ exists: false })
  })
})

describe('bytes go to blocks', () => {
  test('above the limit, which is told, and changes nothing', async () => {
    const cluster = joined({ inlineBytes: 100 })
    expect(await put(cluster, '/f', Buffer.alloc(100))).toBe(true)
    expect(await cluster.askBytes('put', { path: '/g' }, Buffer.alloc(101))).toMatchObject({
      head: { stored: false, inlineBytes: 100 },
    })
    expect(await cluster.ask('usage', {})).toMatchObject({ nodes: 1, storedBytes: 100 })
    expect(await put(joined({ inlineBytes: 0 }), '/f', Buffer.alloc(1))).toBe(false)
  })

  test('beyond the budget, and inline again once there is room', async () => {
    const cluster = joined({ inlineBudgetBytes: 3000 })
    const kilo = Buffer.alloc(1000)
    expect([await put(cluster, '/a', kilo), await put(cluster, '/b', kilo), await put(cluster, '/c', kilo)]).toEqual([
      true,
      true,
      false,
    ])
    expect(await put(cluster, '/a', Buffer.alloc(1500))).toBe(true)
    expect(await put(cluster, '/a', Buffer.alloc(1700))).toBe(false)
    expect(cluster.server.stats().inlineBytes).toBeLessThanOrEqual(3000)
    await cluster.ask('delete', { path: '/b' })
    expect(await put(cluster, '/c', kilo)).toBe(true)
    for (const path of ['/a', '/c']) await cluster.ask('delete', { path })
    expect(cluster.server.stats().inlineBytes).toBe(0)
    expect(await cluster.ask('usage', {})).toMatchObject(nothing)
  })

  test('when the file is written in place, which begins with what was inline', async () => {
    const cluster = joined()
    for (const mode of ['append', 'update'] as const) {
      await put(cluster, '/f', text)
      const { head, body } = await cluster.askBytes('openWrite', { path: '/f', mode, blocks: 1 })
      expect(body).toEqual(text)
      expect(head).toMatchObject({ size: text.length, first: 0 })
      expect(head.locations).toHaveLength(1)
      expect((await cluster.askBytes('get', { path: '/f' })).body).toEqual(text)
      await cluster.ask('commit', { claim: head.claim, size: text.length + 5, close: false, moved: true })
      expect((await cluster.askBytes('get', { path: '/f' })).head.opened).toMatchObject({ size: text.length + 5 })
      expect(cluster.server.stats()).toMatchObject({ storedBytes: text.length + 5, inlineBytes: 0 })
      await cluster.ask('commit', { claim: head.claim, size: text.length + 6, close: true, moved: true })
      expect(await cluster.ask('usage', {})).toMatchObject({ storedBytes: text.length + 6, blocks: 1 })
    }
  })

  test('not when nothing was written in place', async () => {
    const cluster = joined()
    await put(cluster, '/f', text)
    const { claim } = await cluster.ask('openWrite', { path: '/f', mode: 'append', blocks: 2 })
    const longer = cluster.ask('commit', { claim, size: 100, close: true })
    expect(await codeOf(longer)).toBe('INVALID_ARGUMENT')
    expect(await messageOf(longer)).toContain('/f')
    expect((await cluster.ask('commit', { claim, size: text.length, close: true })).size).toBe(text.length)
    expect((await cluster.askBytes('get', { path: '/f' })).body).toEqual(text)
    expect(await cluster.ask('usage', {})).toMatchObject({ blocks: 0, storedBytes: text.length })
  })

  test('in as many as they need', async () => {
    const cluster = new FakeCluster({ blockBytes: 4 })
    cluster.joinStorage(8)
    await put(cluster, '/f', text)
    const { claim } = await cluster.ask('openWrite', { path: '/f', mode: 'append', blocks: 2 })
    const commit = { claim, size: 11, close: true, moved: true }
    expect(await codeOf(cluster.ask('commit', commit))).toBe('INVALID_ARGUMENT')
    await cluster.ask('extend', { claim, blocks: 1 })
    await cluster.ask('commit', commit)
    expect((await cluster.ask('openRead', { path: '/f' })).locations).toHaveLength(3)
  })
})

test('totals are the sums over the nodes, whatever is put, replaced and deleted', async () => {
  const name = fc.constantFrom('/a', '/b', '/t/a', '/t/b')
  const step = fc.oneof(
    fc.record({ do: fc.constant('inline' as const), name, size: fc.nat(40) }),
    fc.record({ do: fc.constant('blocks' as const), name, size: fc.nat(40) }),
    fc.record({ do: fc.constant('append' as const), name, size: fc.nat(40) }),
    fc.record({ do: fc.constant('delete' as const), name, size: fc.nat(0) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async steps => {
      const cluster = new FakeCluster({ blockBytes: 10, inlineBytes: 30, inlineBudgetBytes: 600 })
      cluster.joinStorage(100)
      await cluster.ask('create', { path: '/t', type: 'table' })
      const sizes = new Map<string, number>()
      for (const { do: what, name: path, size } of steps) {
        if (what === 'delete') {
          await cluster.ask('delete', { path })
          sizes.delete(path)
        } else if (what === 'inline') {
          const { stored } = (await cluster.askBytes('put', { path }, Buffer.alloc(size))).head
          if (stored) sizes.set(path, size)
        } else if (what === 'blocks') {
          const { claim } = await cluster.ask('openWrite', { path, mode: 'put', blocks: 4 })
          await cluster.ask('commit', { claim, size, close: true })
          sizes.set(path, size)
        } else if (sizes.has(path) && !path.startsWith('/t/')) {
          const before = sizes.get(path) ?? 0
          const { claim } = await cluster.ask('openWrite', { path, mode: 'append', blocks: 0 })
          await cluster.ask('extend', { claim, blocks: 8 })
          await cluster.ask('commit', { claim, size: before + size, close: true, moved: true })
          sizes.set(path, before + size)
        }
        const sum = [...sizes.values()].reduce((total, one) => total + one, 0)
        expect(cluster.server.stats()).toMatchObject({ storedBytes: sum, nodes: sizes.size + 1 })
        expect(cluster.server.stats().inlineBytes).toBeLessThanOrEqual(600)
      }
      for (const path of sizes.keys()) expect((await cluster.ask('stat', { path })).size).toBe(sizes.get(path))
      for (const path of ['/a', '/b', '/t']) await cluster.ask('delete', { path, recursive: true })
      expect(cluster.server.stats()).toMatchObject({ nodes: 0, storedBytes: 0, inlineBytes: 0 })
      expect((await cluster.ask('usage', {})).blocks).toBe(0)
    }),
    { numRuns: 200 },
  )
})
