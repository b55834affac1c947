import { StoreClient } from 'glider'
import { LocalCluster } from 'glider/cluster'
import { describe, expect, it, vi } from 'vitest'
import { failureOf } from './support/failure.ts'
import { startScript } from './support/processes.ts'
import { freeSpace, itLeavesNothing, makeAction, shareCluster } from './support/shared-cluster.ts'
import { bytesOf, errorOf, textOf, writeAll, written } from './support/streams.ts'

// Processes take their time to start where there are few cores.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

/** Every server is a process of its own here. */
const sizes = { capacity: 32 << 20, slots: 4, threads: 1 }
const times = { deadAfter: 5_000, turnTimeout: 10_000 }
const shared = shareCluster({ inProcess: false, storageServers: 2, activeServers: 2, ...sizes, ...times })

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** A child process with a client; writes half of something and tells so. */
const halfWriter = (address: string, open: string): string => `
  import { StoreClient } from 'glider'
  const store = await StoreClient.connect(${JSON.stringify(address)})
  const stream = ${open}
  stream.write('half of it,1\\n', () => console.log('written'))
  stream.on('error', error => console.log(error.code))
  setInterval(() => {}, 1000)
`

describe('a cluster of processes', () => {
  it('does what one within a process does', async () => {
    const { store, cluster } = shared
    expect(cluster.servers.map(({ role }) => role)).toEqual(['metadata', 'storage', 'storage', 'active', 'active'])
    expect(new Set(cluster.servers.map(({ pid }) => pid)).size).toBe(5)
    const bytes = Buffer.alloc(5 << 20, 'process ')
    await store.put('/bytes', bytes)
    expect((await store.get('/bytes')).equals(bytes)).toBe(true)
    const node = await makeAction(store, '/merge', 'Merge', { interleaved: true })
    await writeAll(node.createWriteStream(), 'a,1\n', 'b,2\n')
    await writeAll(node.createWriteStream(), 'a,2\n')
    expect((await textOf(node.createReadStream())).split('\n').sort().join(' ').trim()).toBe('a,3 b,2')
    await store.delete('/bytes')
    await store.delete('/merge')
  })
})

describe('a writer that is killed', () => {
  it('leaves the old bytes, and its claim ends with its connection', async () => {
    const { store, cluster } = shared
    await store.put('/claimed', 'old')
    const before = await freeSpace(store)
    await using child = await startScript(
      halfWriter(cluster.address, `(await store.lookup('/claimed', 'file')).createWriteStream()`),
    )
    expect(await child.line()).toBe('written')
    expect((await failureOf(store.put('/claimed', 'new'))).code).toBe('BUSY')
    child.process.kill('SIGKILL')
    await child.exited
    await vi.waitFor(() => store.put('/claimed', 'new'), 20_000)
    expect((await store.get('/claimed')).toString()).toBe('new')
    expect(await freeSpace(store)).toEqual(before)
    await store.delete('/claimed')
  })

  it('counts once when its stream is written again under the same key', async () => {
    const { store, cluster } = shared
    const node = await makeAction(store, '/once', 'std/Merge')
    await using child = await startScript(
      halfWriter(cluster.address, `(await store.lookup('/once', 'action')).createWriteStream({ key: 'task 7' })`),
    )
    expect(await child.line()).toBe('written')
    child.process.kill('SIGKILL')
    await child.exited
    for (let i = 0; i < 2; i++) await writeAll(node.createWriteStream({ key: 'task 7' }), 'half of it,1\nthe rest,1\n')
    expect((await textOf(node.createReadStream())).split('\n').sort().join(' ').trim()).toBe('half of it,1 the rest,1')
    await store.delete('/once')
  })
})

describe('a program that has closed its store and stopped its cluster', () => {
  it('ends by itself', async () => {
    await using child = await startScript(`
      import { StoreClient } from 'glider'
      import { LocalCluster } from 'glider/cluster'
      for (const inProcess of [true, false]) {
        const cluster = await LocalCluster.start({ inProcess, threads: 1 })
        const store = await StoreClient.connect(cluster.address)
        await store.put('/x', Buffer.alloc(3 << 20))
        const node = await store.create('/a', 'action')
        await node.create('std/Counter')
        node.createReadStream().on('error', () => {}).resume()
        node.createWriteStream().on('error', () => {})
        ;(await store.lookup('/x', 'file')).createWriteStream().on('error', () => {})
        await store.get('/x')
        await store.close()
        await cluster.stop()
        await cluster.stop()
      }
      console.log('done')
    `)
    expect(await child.line()).toBe('done')
    expect(await child.exited).toBe(0)
    expect(child.complaint()).toBe('')
  })
})

describe('servers', () => {
  it('do not outlive a parent that is killed', async () => {
    await using child = await startScript(`
      import { LocalCluster } from 'glider/cluster'
      const cluster = await LocalCluster.start({ storageServers: 1, activeServers: 1, threads: 1 })
      console.log(JSON.stringify(cluster.servers.map(({ pid }) => pid)))
      setInterval(() => {}, 1000)
    `)
    const pids = JSON.parse(await child.line()) as number[]
    expect(pids.map(isAlive)).toEqual([true, true, true])
    child.process.kill('SIGKILL')
    await child.exited
    await vi.waitFor(() => expect(pids.map(isAlive)).toEqual([false, false, false]), 20_000)
  })

  it('that do not start leave nothing of their cluster', async () => {
    for (const inProcess of [true, false]) {
      const port = Number(new URL(shared.cluster.address).port)
      const taken = await failureOf(LocalCluster.start({ inProcess, port, logLevel: 'silent' }))
      expect(['INVALID_ARGUMENT', 'UNAVAILABLE']).toContain(taken.code)
      const wrong = await failureOf(LocalCluster.start({ inProcess, capacity: 'a lot', logLevel: 'silent' }))
      expect(['INVALID_ARGUMENT', 'UNAVAILABLE']).toContain(wrong.code)
      expect(wrong.message).toContain('a lot')
    }
    for (const options of [{ slots: 0 }, { threads: 0.5 }, { storageServers: -1 }, { activeServers: Number.NaN }]) {
      expect((await failureOf(LocalCluster.start(options))).code).toBe('INVALID_ARGUMENT')
    }
    // The one that holds the port was not disturbed.
    expect(await shared.store.exists('/')).toBe(true)
  })

  it('stop in order when asked to', async () => {
    const cluster = await LocalCluster.start({ threads: 1 })
    const store = await StoreClient.connect(cluster.address)
    const file = await store.create('/open', 'file')
    const writer = file.createWriteStream()
    await written(writer, 'x')
    await cluster.stop()
    for (const { pid } of cluster.servers) expect(isAlive(pid!)).toBe(false)
    writer.destroy()
    await store.close()
  })
})

describe('an active server that is killed', () => {
  it('takes its objects with it; a new one lands on another server', async () => {
    const { store, cluster } = shared
    const nodes = await Promise.all([0, 1].map(i => makeAction(store, `/lost/${i}`, 'std/Counter')))
    const [one] = nodes
    const address = (await one!.stat()).object!.server
    const open = one!.createWriteStream()
    const failure = errorOf(open)
    await written(open, 'x\n')
    process.kill(cluster.servers.find(server => server.address === address)!.pid!, 'SIGKILL')
    // What was under way is not known to have happened.
    expect(await failure).toMatchObject({ code: 'UNAVAILABLE', outcome: 'unknown' })
    await vi.waitFor(async () => expect((await one!.stat()).object?.state).toBe('lost'), { timeout: 30_000, interval: 200 })
    const refused = [one!.call('value'), bytesOf(one!.createReadStream()), writeAll(one!.createWriteStream(), 'x')]
    for (const refusal of await Promise.all(refused.map(failureOf))) expect(refusal.code).toBe('ACTION_LOST')
    await one!.create('std/Counter')
    expect((await one!.stat()).object!.server).not.toBe(address)
    expect(await one!.call('value')).toEqual({ lines: 0, bytes: 0 })
    await store.delete('/lost', { recursive: true })
  })
})

describe('an active server that stood still until it was given up', () => {
  it('tells those who were in the midst of a stream that its objects are lost', async () => {
    await using cluster = await LocalCluster.start({ storageServers: 0, threads: 1, deadAfter: '1s', logLevel: 'silent' })
    await using store = await StoreClient.connect(cluster.address)
    const node = await makeAction(store, '/held', 'std/Counter')
    const open = node.createWriteStream()
    const failure = errorOf(open)
    await written(open, 'half\n')
    const { pid } = cluster.servers.find(({ role }) => role === 'active')!
    try {
      process.kill(pid!, 'SIGSTOP')
      await vi.waitFor(async () => expect((await node.stat()).object?.state).toBe('lost'), { timeout: 30_000, interval: 100 })
    } finally {
      process.kill(pid!, 'SIGCONT')
    }
    expect(await failure).toMatchObject({ code: 'ACTION_LOST', message: expect.stringContaining('/held') })
    expect((await failureOf(node.call('value'))).code).toBe('ACTION_LOST')
  })
})

itLeavesNothing(shared)
