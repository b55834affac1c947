import { expect, test } from 'vitest'
import { codeOf, FakeCluster } from './fakes.test.helper.ts'

async function put(cluster: FakeCluster, path: string, size: number): Promise<void> {
  const { claim } = await cluster.ask('openWrite', { path, mode: 'put', blocks: 1 })
  await cluster.ask('commit', { claim, size, close: true })
}

async function sizeOf(cluster: FakeCluster, path: string): Promise<number> {
  return (await cluster.ask('stat', { path })).size
}

test('a put by path leaves alone what was renamed since it was opened', async () => {
  for (const parent of ['directory', 'table'] as const) {
    for (const renamed of parent === 'table' ? ['/d'] : ['/d', '/d/f']) {
      const cluster = new FakeCluster()
      cluster.joinStorage(4)
      await cluster.ask('create', { path: '/d', type: parent })
      await put(cluster, '/d/f', 10)
      const { claim } = await cluster.ask('openWrite', { path: '/d/f', mode: 'put', blocks: 1 })
      const to = renamed === '/d' ? '/e' : '/d/g'
      await cluster.ask('rename', { from: renamed, to })
      // Refused or not: what it makes is at its path, or nowhere.
      await codeOf(cluster.ask('commit', { claim, size: 20, close: true }))
      expect(await sizeOf(cluster, renamed === '/d' ? '/e/f' : to)).toBe(10)
    }
  }
})

test('a put under a key goes into its table, whatever that is called by then', async () => {
  const cluster = new FakeCluster()
  cluster.joinStorage(4)
  const { node } = await cluster.ask('create', { path: '/t', type: 'table' })
  const { claim } = await cluster.ask('openWrite', { node, key: 'k', mode: 'put', blocks: 1 })
  await cluster.ask('rename', { from: '/t', to: '/u' })
  const committed = await codeOf(cluster.ask('commit', { claim, size: 20, close: true }))
  expect(committed).toBe('no error')
  expect(await sizeOf(cluster, '/u/k')).toBe(20)
})

test('a key that is no name is INVALID_PATH, whether its table is there or not', async () => {
  const cluster = new FakeCluster()
  cluster.joinStorage(4)
  const { node } = await cluster.ask('create', { path: '/t', type: 'table' })
  for (const there of [true, false]) {
    for (const key of ['', '.', 'a/b']) {
      expect(await codeOf(cluster.ask('delete', { node, key })), `${key}, ${there}`).toBe('INVALID_PATH')
      expect(await codeOf(cluster.ask('get', { node, key })), `${key}, ${there}`).toBe('INVALID_PATH')
      expect(await codeOf(cluster.ask('openWrite', { node, key, mode: 'put' })), `${key}, ${there}`).toBe('INVALID_PATH')
    }
    await cluster.ask('delete', { path: '/t' })
  }
})
