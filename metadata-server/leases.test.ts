import { describe, expect, test } from 'vitest'
import { catalogue } from '../protocol/catalogue.ts'
import { codeOf, FakeCluster, messageOf } from './fakes.test.helper.ts'

/** A lease that has run out ends its node within this time. */
const HEARTBEAT_MS = 1000

async function there(cluster: FakeCluster, path: string): Promise<boolean> {
  return (await cluster.ask('exists', { path })).exists
}

function take(cluster: FakeCluster, path: string, ttlMs: number) {
  return cluster.ask('takeLease', { path, ttlMs })
}

describe('a lease', () => {
  test('ends its node, with everything below it, within one heartbeat of running out, and not before', async () => {
    const cluster = new FakeCluster()
    cluster.joinStorage(4)
    await cluster.ask('create', { path: '/job/a/f', type: 'file', parents: true })
    const { claim } = await cluster.ask('openWrite', { path: '/job/put', mode: 'put', blocks: 2 })
    await cluster.ask('commit', { claim, size: 10, close: true })
    await take(cluster, '/job', 5000)
    await cluster.clock.advance(4999)
    expect(await there(cluster, '/job/a/f')).toBe(true)
    await cluster.clock.advance(1 + HEARTBEAT_MS)
    expect(await there(cluster, '/job')).toBe(false)
    expect(await cluster.ask('usage', {})).toMatchObject({ nodes: 0, storedBytes: 0, blocks: 0, slots: 0 })
    expect(cluster.server.stats().leases).toBe(0)
  })

  test('has its full time again from each renewal', async () => {
    const cluster = new FakeCluster()
    await cluster.ask('create', { path: '/d', type: 'directory' })
    const { node, lease } = await take(cluster, '/d', 3000)
    for (let i = 0; i < 10; i += 1) {
      await cluster.clock.advance(2999)
      await cluster.ask('renewLease', { node, lease })
    }
    expect(await there(cluster, '/d')).toBe(true)
    await cluster.clock.advance(3000 + HEARTBEAT_MS)
    expect(await there(cluster, '/d')).toBe(false)
    expect(await codeOf(cluster.ask('renewLease', { node, lease }))).toBe('NOT_FOUND')
  })

  test('that is released lets its node live on', async () => {
    const cluster = new FakeCluster()
    await cluster.ask('create', { path: '/d', type: 'directory' })
    const { node, lease } = await take(cluster, '/d', 1000)
    await cluster.ask('releaseLease', { node, lease })
    await cluster.clock.advance(10_000)
    expect(await there(cluster, '/d')).toBe(true)
    expect(await codeOf(cluster.ask('releaseLease', { node, lease }))).toBe('NOT_FOUND')
    expect(await messageOf(cluster.ask('renewLease', { node, lease }))).toMatch(/\/d .*take another/)
  })

  test('that has run out is not renewed, even before its node is seen to be due', async () => {
    const cluster = new FakeCluster()
    await cluster.ask('create', { path: '/d', type: 'directory' })
    const { node, lease } = await take(cluster, '/d', 250)
    await cluster.clock.advance(251)
    expect(await there(cluster, '/d')).toBe(true)
    expect(await codeOf(cluster.ask('renewLease', { node, lease }))).toBe('NOT_FOUND')
    expect(await codeOf(cluster.ask('releaseLease', { node, lease }))).toBe('NOT_FOUND')
    await cluster.clock.advance(HEARTBEAT_MS)
    expect(await there(cluster, '/d')).toBe(false)
  })

  test('beside another: the first to run out ends the node', async () => {
    const cluster = new FakeCluster()
    await cluster.ask('create', { path: '/d', type: 'directory' })
    const long = await take(cluster, '/d', 60_000)
    const short = await take(cluster, '/d', 2000)
    expect(long.lease).not.toBe(short.lease)
    await cluster.clock.advance(1500)
    await cluster.ask('renewLease', { node: short.node, lease: short.lease })
    await cluster.clock.advance(1500)
    expect(await there(cluster, '/d')).toBe(true)
    await cluster.clock.advance(500 + HEARTBEAT_MS)
    expect(await there(cluster, '/d')).toBe(false)
    expect(cluster.server.stats().leases).toBe(0)
  })

  test('on a node above ends those below, whatever their own say', async () => {
    const cluster = new FakeCluster()
    await cluster.ask('create', { path: '/a/b/c', type: 'file', parents: true, ttlMs: 60_000 })
    await take(cluster, '/a', 2000)
    await take(cluster, '/a/b', 2000)
    await cluster.clock.advance(2000 + HEARTBEAT_MS)
    expect((await cluster.ask('usage', {})).nodes).toBe(0)
    expect(cluster.server.stats().leases).toBe(0)
  })

  test('moves with its node', async () => {
    const cluster = new FakeCluster()
    await cluster.ask('create', { path: '/a/f', type: 'file', parents: true })
    await cluster.ask('create', { path: '/b', type: 'directory' })
    await take(cluster, '/a', 60_000)
    const short = await take(cluster, '/a/f', 2000)
    await cluster.ask('rename', { from: '/a/f', to: '/b/g' })
    await cluster.clock.advance(1000)
    await cluster.ask('renewLease', { node: short.node, lease: short.lease })
    await cluster.clock.advance(1999)
    expect(await there(cluster, '/b/g')).toBe(true)
    await cluster.clock.advance(1 + HEARTBEAT_MS)
    expect([await there(cluster, '/b/g'), await there(cluster, '/b'), await there(cluster, '/a')]).toEqual([false, true, true])
  })

  test('ends with its node, however that was deleted', async () => {
    const cluster = new FakeCluster()
    const lease = await cluster.ask('create', { path: '/d/f', type: 'file', parents: true, ttlMs: 1000 })
    await take(cluster, '/d', 60_000)
    await cluster.ask('delete', { path: '/d', recursive: true })
    expect(cluster.server.stats().leases).toBe(0)
    expect(await codeOf(cluster.ask('renewLease', { node: lease.node, lease: lease.lease ?? 0 }))).toBe('NOT_FOUND')
    await cluster.ask('create', { path: '/d', type: 'directory' })
    await cluster.clock.advance(120_000)
    expect(await there(cluster, '/d')).toBe(true)
  })

  test('runs out although its holder has gone, and although it was taken over REST', async () => {
    const cluster = new FakeCluster()
    await cluster.ask('create', { path: '/d', type: 'directory', ttlMs: 2000 })
    cluster.client.close()
    await cluster.clock.advance(2000 + HEARTBEAT_MS)
    expect(cluster.server.stats().nodes).toBe(0)
  })

  test('is refused for the root, for what is not there, and for times that make no sense', async () => {
    const cluster = new FakeCluster()
    await cluster.ask('create', { path: '/d', type: 'directory' })
    const root = await cluster.ask('stat', { path: '/' })
    expect(await codeOf(take(cluster, '/', 1000))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(cluster.ask('takeLease', { node: root.node, ttlMs: 1000 }))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(take(cluster, '/none', 1000))).toBe('NOT_FOUND')
    for (const ttlMs of [0, -1, 1.5, 24 * 3600_000 + 1]) {
      expect(await codeOf(take(cluster, '/d', ttlMs))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(cluster.ask('create', { path: '/e', type: 'directory', ttlMs }))).toBe('INVALID_ARGUMENT')
    }
    await take(cluster, '/d', 24 * 3600_000)
  })

  test('is one of at most 1,000 of a node', async () => {
    const cluster = new FakeCluster()
    await cluster.ask('create', { path: '/d', type: 'directory' })
    for (let i = 0; i < 1000; i += 1) await take(cluster, '/d', 1000)
    expect(await codeOf(take(cluster, '/d', 1000))).toBe('QUOTA_EXCEEDED')
    await cluster.clock.advance(1000 + HEARTBEAT_MS)
    expect(cluster.server.stats()).toMatchObject({ nodes: 0, leases: 0 })
  })
})

describe('create with ttlMs', () => {
  test('gives the new node a lease, and not what is there or made above it', async () => {
    const cluster = new FakeCluster()
    const made = await cluster.ask('create', { path: '/a/f', type: 'file', parents: true, ttlMs: 2000 })
    const opened = await cluster.ask('create', { path: '/a/f', type: 'file', ifExists: 'open', ttlMs: 10 })
    expect([typeof made.lease, opened.lease]).toEqual(['number', undefined])
    const replaced = await cluster.ask('create', { path: '/a/f', type: 'file', ifExists: 'replace', ttlMs: 5000 })
    expect(cluster.server.stats().leases).toBe(1)
    await cluster.clock.advance(2000 + HEARTBEAT_MS)
    expect((await cluster.ask('stat', { path: '/a/f' })).node).toBe(replaced.node)
    await cluster.clock.advance(3000 + HEARTBEAT_MS)
    expect([await there(cluster, '/a/f'), await there(cluster, '/a')]).toEqual([false, true])
  })

  test('repeated because its answer was lost gives the same lease', async () => {
    const cluster = new FakeCluster()
    const head = { path: '/f', type: 'file', ttlMs: 2000, sequence: 1 } as const
    const first = await cluster.ask('create', head)
    expect(await cluster.ask('create', head)).toEqual(first)
    expect(cluster.server.stats().leases).toBe(1)
  })

  test('that replaces starts the time once the old node is gone', async () => {
    const cluster = new FakeCluster()
    const active = cluster.joinActive(1)
    await cluster.ask('create', { path: '/a', type: 'action' })
    await cluster.ask('createObject', { path: '/a', definition: 'Merge' })
    let stopped: (answer: object) => void = () => {}
    active.connection.respond(catalogue.stopObject, () => new Promise<object>(resolve => (stopped = resolve)))
    const making = cluster.ask('create', { path: '/a', type: 'action', ifExists: 'replace', ttlMs: 2000 })
    await cluster.live(10_000, active)
    expect(await there(cluster, '/a')).toBe(true)
    stopped({})
    expect((await making).lease).toBeTypeOf('number')
    await cluster.live(2000 + HEARTBEAT_MS, active)
    expect(await there(cluster, '/a')).toBe(false)
  })
})

test('expiry aborts action objects and frees their slots', async () => {
  const cluster = new FakeCluster()
  const active = cluster.joinActive(2)
  await cluster.ask('create', { path: '/job', type: 'directory', ttlMs: 3000 })
  await cluster.ask('create', { path: '/job/a', type: 'action' })
  await cluster.ask('createObject', { path: '/job/a', definition: 'Merge' })
  expect(cluster.server.stats().slots.used).toBe(1)
  await cluster.live(3000 + HEARTBEAT_MS, active)
  expect(active.connection.sent(catalogue.stopObject)).toMatchObject([{ mode: 'abort' }])
  expect(cluster.server.stats()).toMatchObject({ nodes: 0, slots: { used: 0 } })
})

test('time in which the metadata server stood still does not count', async () => {
  const cluster = new FakeCluster()
  const { node, lease = 0 } = await cluster.ask('create', { path: '/d', type: 'directory', ttlMs: 5000 })
  await cluster.clock.advance(1000)
  cluster.clock.standStill(60_000)
  // Whatever comes first after it, a renewal or the timer.
  await cluster.ask('renewLease', { node, lease })
  await cluster.clock.advance(4500)
  expect(await there(cluster, '/d')).toBe(true)
  cluster.clock.standStill(60_000)
  await cluster.clock.advance(0)
  expect(await there(cluster, '/d')).toBe(true)
  await cluster.clock.advance(500 + HEARTBEAT_MS)
  expect(await there(cluster, '/d')).toBe(false)
})

test('many leases that run out together end in slices', async () => {
  const cluster = new FakeCluster()
  const count = 20_000
  for (let i = 0; i < count; i += 1) cluster.askNow('create', { path: `/${i}`, type: 'directory', ttlMs: 1000 })
  expect(cluster.server.stats().leases).toBe(count)
  let before = count
  let most = 0
  const turn = cluster.clock.turn.bind(cluster.clock)
  cluster.clock.turn = () => {
    const ran = turn()
    const { nodes } = cluster.server.stats()
    most = Math.max(most, before - nodes)
    before = nodes
    return ran
  }
  await cluster.clock.advance(1000 + HEARTBEAT_MS)
  expect(cluster.server.stats()).toMatchObject({ nodes: 0, leases: 0 })
  expect(most).toBeLessThanOrEqual(count / 5)
})

test('a server that has stopped has no timer', async () => {
  const cluster = new FakeCluster()
  await cluster.ask('create', { path: '/d', type: 'directory', ttlMs: 1000 })
  cluster.server.stop()
  expect(cluster.clock.timers).toBe(0)
})
