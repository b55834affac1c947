import { once } from 'node:events'
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
import { bytesOf, ended, errorOf, textOf, writeAll, written } from './support/streams.ts'

const shared = shareCluster({ capacity: '32MiB', slots: 4, threads: 1 })

/** More than is kept with the metadata. */
const large = Buffer.alloc(10_000, 'large')

async function throughProxy(work: (store: StoreClient, proxy: Proxy) => Promise<void>): Promise<void> {
  await using proxy = await Proxy.start(shared.cluster.address)
  await using store = await StoreClient.connect(`http://${proxy.address}`)
  await work(store, proxy)
}

describe('an answer that is lost on its way', () => {
  it('comes again, and nothing is done twice', async () => {
    await throughProxy(async (store, proxy) => {
      const lose = async <T>(operation: { readonly code: number }, work: () => Promise<T>): Promise<T> => {
        const lost = proxy.loseAnswer(operation.code)
        const answer = await work()
        await lost
        return answer
      }
      const { nodes } = await store.usage()
      const file = await lose(catalogue.create, () => store.create('/lost', 'file'))
      expect(file.path).toBe('/lost')
      expect((await store.usage()).nodes).toBe(nodes + 1)
      await lose(catalogue.rename, () => store.rename('/lost', '/found'))
      expect(await store.exists('/lost')).toBe(false)
      await lose(catalogue.put, () => store.put('/found', 'put once'))
      expect((await store.get('/found')).toString()).toBe('put once')
      await lose(catalogue.commit, () => store.put('/found', large))
      expect((await store.get('/found')).equals(large)).toBe(true)
      expect(await lose(catalogue.delete, () => store.delete('/found'))).toBe(true)
      expect(await store.delete('/found')).toBe(false)
      const node = await store.create('/action', 'action')
      await lose(catalogue.createObject, () => node.create('std/Counter'))
      expect((await node.stat()).object?.state).toBe('live')
      expect(await lose(catalogue.deleteObject, () => node.delete())).toBe(true)
      await store.delete('/action')
    })
  })

  it('is repeated where it told a failure as well', async () => {
    await throughProxy(async (store, proxy) => {
      await store.put('/there', 'x')
      const lost = proxy.loseAnswer(catalogue.create.code)
      expect((await failureOf(store.create('/there', 'file'))).code).toBe('ALREADY_EXISTS')
      await lost
      await store.delete('/there')
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

  it('takes the claims that were held over it along', async () => {
    const { store: other } = shared
    await throughProxy(async (store, proxy) => {
      await store.put('/claim', 'old')
      const writer = (await store.lookup('/claim', 'file')).createWriteStream()
      await written(writer, 'half of it')
      const failure = errorOf(writer)
      proxy.cut()
      writer.end()
      expect((await failure).code).toBe('NOT_FOUND')
      expect((await other.get('/claim')).toString()).toBe('old')
      await other.put('/claim', 'new')
      await other.delete('/claim')
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

describe('a server that is not there', () => {
  it('is UNAVAILABLE at once when connecting', async () => {
    const gone = await Proxy.start(shared.cluster.address)
    await gone[Symbol.asyncDispose]()
    for (const scheme of ['http://', 'ws://', '']) {
      const failure = await failureOf(StoreClient.connect(`${scheme}${gone.address}`))
      expect(failure).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
      expect(failure.message).toContain(gone.address)
    }
    for (const address of ['', 'nonsense', 'http://', 'ftp://127.0.0.1:1', '127.0.0.1', '127.0.0.1:99999']) {
      expect((await failureOf(StoreClient.connect(address))).code).toBe('INVALID_ARGUMENT')
    }
  })

  it('that does not answer is TIMEOUT within the deadline, over a connection and while making one', async () => {
    await throughProxy(async (store, proxy) => {
      const file = await store.create('/slow', 'file')
      proxy.fallSilent()
      const timeoutMs = 200
      const asked = [
        store.exists('/', { timeoutMs }),
        store.create('/slow/x', 'file', { timeoutMs }),
        store.put('/slow', 'x', { timeoutMs }),
        store.get('/slow', { timeoutMs }),
        store.list('/', { timeoutMs })[Symbol.asyncIterator]().next(),
        file.open({ write: true, timeoutMs }),
      ]
      for (const failure of await Promise.all(asked.map(failureOf))) {
        expect(failure).toMatchObject({ code: 'TIMEOUT', retryable: true })
      }
      proxy.cut()
      const failure = await failureOf(store.exists('/', { timeoutMs }))
      expect(failure.code).toBe('TIMEOUT')
      proxy.speak()
      proxy.cut()
      expect(await store.exists('/')).toBe(true)
    })
    await shared.store.delete('/slow')
  })
})

describe('an aborted signal', () => {
  it('is CANCELLED for every call and stream, before it and during it', async () => {
    await throughProxy(async (store, proxy) => {
      const file = await store.create('/cancel/file', 'file', { parents: true })
      const node = await makeAction(store, '/cancel/action', 'std/Counter')
      const directory = await store.lookup('/cancel', 'directory')
      const handle = await file.open()
      const every = (signal: AbortSignal): Promise<unknown>[] => [
        store.create('/x', 'file', { signal }),
        store.lookup('/x', undefined, { signal }),
        store.stat('/x', { signal }),
        store.exists('/x', { signal }),
        store.list('/', { signal })[Symbol.asyncIterator]().next(),
        store.delete('/x', { signal }),
        store.rename('/x', '/y', { signal }),
        store.put('/x', 'x', { signal }),
        store.get('/x', { signal }),
        store.definitions({ signal }),
        store.servers({ signal }),
        store.usage({ signal }),
        store.deploy(import.meta.filename, { signal }),
        file.stat({ signal }),
        file.open({ signal }),
        file.open({ write: true, signal }),
        directory.list({ signal })[Symbol.asyncIterator]().next(),
        node.create('std/Counter', { signal }),
        node.delete({ signal }),
        node.call('value', null, { signal }),
        node.openReader({ signal }),
        node.openWriter({ signal }),
        bytesOf(file.createReadStream({ signal })),
        writeAll(file.createWriteStream({ signal }), 'x'),
        bytesOf(node.createReadStream({ signal })),
        writeAll(node.createWriteStream({ signal }), 'x'),
      ]
      for (const failure of await Promise.all(every(AbortSignal.abort()).map(failureOf))) expect(failure.code).toBe('CANCELLED')
      expect((await failureOf(StoreClient.connect(`http://${proxy.address}`, { signal: AbortSignal.abort() }))).code).toBe(
        'CANCELLED',
      )
      proxy.fallSilent()
      const abort = new AbortController()
      const waiting = every(abort.signal).map(failureOf)
      waiting.push(failureOf(StoreClient.connect(`http://${proxy.address}`, { signal: abort.signal })))
      await new Promise(resolve => setImmediate(resolve))
      abort.abort(new Error('enough'))
      for (const failure of await Promise.all(waiting)) expect(failure.code).toBe('CANCELLED')
      await handle.close()
    })
    await shared.store.delete('/cancel', { recursive: true })
  })

  it('ends a stream that is under way', async () => {
    const { store } = shared
    await store.put('/long', Buffer.alloc(12 << 20))
    const file = await store.lookup('/long', 'file')
    const abort = new AbortController()
    const reader = file.createReadStream({ signal: abort.signal })
    await once(reader, 'readable')
    const reading = errorOf(reader)
    abort.abort()
    expect((await reading).code).toBe('CANCELLED')
    const second = new AbortController()
    const writer = file.createWriteStream({ signal: second.signal })
    await written(writer, 'x')
    const writing = errorOf(writer)
    second.abort()
    expect((await writing).code).toBe('CANCELLED')
    expect((await store.stat('/long')).size).toBe(12 << 20)
    await ended(file.createWriteStream({ signal: new AbortController().signal }))
    await store.delete('/long')
  })
})

describe('a closed store', () => {
  it('fails what is under way and everything after', async () => {
    const store = await shared.connect()
    const file = await store.create('/closing', 'file')
    const writer = file.createWriteStream()
    await written(writer, 'x')
    const failure = errorOf(writer)
    await store.close()
    await store.close()
    writer.end()
    expect((await failure).code).toBe('UNAVAILABLE')
    expect((await failureOf(store.exists('/'))).code).toBe('UNAVAILABLE')
    expect(await failureOf(textOf(file.createReadStream()))).toMatchObject({ code: 'UNAVAILABLE' })
    await shared.store.delete('/closing')
  })
})

itLeavesNothing(shared)
