import { StoreClient } from 'glider'
import { describe, expect, it } from 'vitest'
import { startActiveServer } from '../active-server/active-server.ts'
import { startLocalMetadataServer } from '../metadata-server/index.ts'
import { catalogue } from '../protocol/catalogue.ts'
import { realSystem } from '../server/system.ts'
import { startStorageServer } from '../storage-server/storage-server.ts'
import { failureOf } from './support/failure.ts'
import { Proxy } from './support/proxy.system.ts'
import { freeSpace, itLeavesNothing, makeAction, shareCluster } from './support/shared-cluster.ts'
import { ended, errorOf, writeAll, written } from './support/streams.ts'

const shared = shareCluster({ capacity: '32MiB', slots: 4, threads: 1 })

/** More than is kept with the metadata. */
const large = Buffer.alloc(10_000, 'large')

async function throughProxy(work: (store: StoreClient, proxy: Proxy) => Promise<void>): Promise<void> {
  await using proxy = await Proxy.start(shared.cluster.address)
  await using store = await StoreClient.connect(`http://${proxy.address}`)
  await work(store, proxy)
}

describe('an answer that is lost on its way', () => {
  it('of a commit comes again, and nothing is done twice', async () => {
    await throughProxy(async (store, proxy) => {
      const lost = proxy.loseAnswer(catalogue.commit.code)
      await store.put('/committed', large)
      await lost
      expect((await store.get('/committed')).equals(large)).toBe(true)
      await store.delete('/committed')
    })
  })

  it('of the opening of a writer leads to another claim, not to one that nobody holds', async () => {
    await throughProxy(async (store, proxy) => {
      const before = await freeSpace(store)
      const lost = proxy.loseAnswer(catalogue.openWrite.code)
      await store.put('/claimed', large)
      await lost
      await store.put('/claimed', large)
      await store.delete('/claimed')
      expect(await freeSpace(store)).toEqual(before)
    })
  })
})

describe('a server that falls silent', () => {
  it('in the midst of a put costs no more than the deadline of the put', async () => {
    await throughProxy(async (store, proxy) => {
      await store.put('/late', large)
      const silent = proxy.fallSilentAt(catalogue.commit.code)
      const begun = performance.now()
      const failure = failureOf(store.put('/late', large, { timeoutMs: 500 }))
      await silent
      expect(await failure).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown', message: expect.stringContaining('/late') })
      expect(performance.now() - begun).toBeLessThan(5_000)
      proxy.speak()
      proxy.cut()
      await store.delete('/late')
    })
  })
})

describe('a connection that was dropped', () => {
  it('to the metadata server is made anew', async () => {
    await throughProxy(async (store, proxy) => {
      await store.put('/x', 'x')
      for (let i = 2; i < 5; i++) {
        proxy.cut()
        expect((await store.get('/x')).toString()).toBe('x')
        expect(proxy.connections).toBe(i)
      }
      await store.delete('/x')
    })
  })

  it('in the midst of a write ends its claim: a stream is told so, and a put begins again', async () => {
    await throughProxy(async (store, proxy) => {
      await store.put('/cut', large)
      const file = await store.lookup('/cut', 'file')
      const told = { code: 'UNAVAILABLE', retryable: true }
      const stream = file.createWriteStream()
      const failure = errorOf(stream)
      await written(stream, 'half')
      proxy.cut()
      // Its claim has ended once another can be taken.
      await expect.poll(() => store.put('/cut', large).then(() => 'put')).toBe('put')
      stream.end()
      expect(await failure).toMatchObject(told)
      const handle = await file.open({ write: true })
      await handle.write(0, Buffer.from('half'))
      const dropped = proxy.loseRequest(catalogue.commit.code)
      const closed = failureOf(handle.close())
      await dropped
      expect(await closed).toMatchObject(told)
      const other = Buffer.alloc(10_000, 'other')
      const lost = proxy.loseRequest(catalogue.commit.code)
      await store.put('/cut', other)
      await lost
      expect((await store.get('/cut')).equals(other)).toBe(true)
      await store.delete('/cut')
    })
  })

  it('to a storage and an active server is made anew', async () => {
    const system = realSystem('storage-server', 'silent')
    const metadata = await startLocalMetadataServer({
      port: 0,
      blockSize: '1MiB',
      storageClasses: ['dram'],
      deadAfter: '5s',
      logLevel: 'silent',
    })
    await using store = await StoreClient.connect(metadata.address)
    const ports = await Promise.all([freeAddress(), freeAddress()])
    await using storageProxy = await Proxy.start(ports[0])
    await using activeProxy = await Proxy.start(ports[1])
    const common = { host: '127.0.0.1', metadata: metadata.address }
    const storage = await startStorageServer(
      {
        ...common,
        port: portOf(ports[0]),
        advertise: storageProxy.address,
        capacityBytes: 16 << 20,
        kind: 'dram',
        storageClass: 'dram',
        prefault: 'off',
      },
      system,
    )
    const active = await startActiveServer(
      { ...common, port: portOf(ports[1]), advertise: activeProxy.address, slots: 1, threads: 1 },
      system,
    )
    try {
      await store.put('/x', large)
      const node = await makeAction(store, '/counter', 'std/Counter')
      await writeAll(node.createWriteStream(), 'a\n')
      const before = [storageProxy.connections, activeProxy.connections]
      storageProxy.cut()
      activeProxy.cut()
      expect((await store.get('/x')).equals(large)).toBe(true)
      await store.put('/x', large)
      await writeAll(node.createWriteStream(), 'b\n')
      expect(await node.call('value')).toEqual({ lines: 2, bytes: 4 })
      expect([storageProxy.connections, activeProxy.connections]).toEqual(before.map(count => count + 1))
      // In the middle of a transfer as well: blocks are written again.
      const bytes = Buffer.alloc(8 << 20, 'again')
      const writer = (await store.lookup('/x', 'file')).createWriteStream()
      await written(writer, bytes.subarray(0, 4 << 20))
      storageProxy.cut()
      await written(writer, bytes.subarray(4 << 20))
      storageProxy.cut()
      await ended(writer)
      expect((await store.get('/x')).equals(bytes)).toBe(true)
      // Streams of actions are never repeated: whether it has been taken is not known.
      const stream = node.createWriteStream()
      const failure = errorOf(stream)
      await written(stream, 'c\n')
      activeProxy.cut()
      expect(await failure).toMatchObject({ code: 'UNAVAILABLE', outcome: 'unknown' })
    } finally {
      await active.stop()
      await storage.stop()
      await store.close()
      await metadata.stop()
    }
  })
})

/** An address that nobody listens on now. */
async function freeAddress(): Promise<string> {
  const proxy = await Proxy.start(shared.cluster.address)
  await proxy[Symbol.asyncDispose]()
  return proxy.address
}

function portOf(address: string): number {
  return Number(address.split(':')[1])
}

itLeavesNothing(shared)
