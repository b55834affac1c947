import { once, setMaxListeners } from 'node:events'
import type { ActionNode, CallOptions, DirectoryNode, FileNode, StoreClient, TableNode } from 'glider'
import { StoreClient as Client } from 'glider'
import { describe, expect, it } from 'vitest'
import { codeOf, failureOf } from '../support/failure.ts'
import { bytesOf, ended, errorOf, textOf, writeAll, written } from '../support/streams.ts'
import { MiB } from './support/bytes.ts'
import { openDeployment } from './support/deployment.ts'
import { allOf, firstOf } from './support/tree.ts'

const deployment = openDeployment()

interface Nodes {
  readonly file: FileNode
  readonly directory: DirectoryNode
  readonly table: TableNode
  readonly action: ActionNode
}

async function nodesFor(store: StoreClient, base: string): Promise<Nodes> {
  const action = await store.create(`${base}/action`, 'action')
  await action.create('std/Counter')
  return {
    action,
    file: await store.create(`${base}/file`, 'file'),
    directory: await store.create(`${base}/directory`, 'directory'),
    table: await store.create(`${base}/table`, 'table'),
  }
}

/** Every call but those on servers: none of them is to be carried out. */
function everyCall(store: StoreClient, base: string, nodes: Nodes, options: CallOptions): Promise<unknown>[] {
  const { file, directory, table, action } = nodes
  return [
    store.create(`${base}/x`, 'file', options),
    store.lookup(`${base}/x`, 'file', options),
    store.lookup(`${base}/x`, undefined, options),
    store.stat(`${base}/x`, options),
    store.exists(`${base}/x`, options),
    firstOf(store.list(base, options)),
    store.delete(`${base}/x`, options),
    store.rename(`${base}/x`, `${base}/y`, options),
    store.lease(`${base}/x`, { ttlMs: 60_000, ...options }),
    store.put(`${base}/x`, 'x', options),
    store.put(`${base}/x`, Buffer.alloc(300_000), options),
    store.get(`${base}/x`, options),
    store.definitions(options),
    store.servers(options),
    store.usage(options),
    file.stat(options),
    file.open(options),
    file.open({ write: true, ...options }),
    firstOf(directory.list(options)),
    table.put('x', 'x', options),
    table.get('x', options),
    table.delete('x', options),
    firstOf(table.entries(options)),
    action.stat(options),
    action.create('std/Counter', options),
    action.delete(options),
    action.call('value', null, options),
    action.openReader(options),
    action.openWriter(options),
  ]
}

function everyStream({ file, action }: Nodes, signal: AbortSignal): Promise<unknown>[] {
  return [
    bytesOf(file.createReadStream({ signal })),
    writeAll(file.createWriteStream({ signal }), 'x'),
    writeAll(file.createWriteStream({ signal, append: true }), 'x'),
    bytesOf(action.createReadStream({ signal })),
    writeAll(action.createWriteStream({ signal }), 'x'),
    action.openReader({ signal }),
    action.openWriter({ signal }),
  ]
}

describe('an aborted signal', () => {
  it('is CANCELLED for every call and stream before it begins, and nothing changes', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    const nodes = await nodesFor(store, base)
    const signal = AbortSignal.abort()
    setMaxListeners(0, signal)
    const deploying = store.deploy(import.meta.filename, { signal })
    const asked = [...everyCall(store, base, nodes, { signal }), ...everyStream(nodes, signal), deploying]
    expect(await Promise.all(asked.map(codeOf))).toEqual(asked.map(() => 'CANCELLED'))
    expect(await codeOf(Client.connect(deployment.url, { signal }))).toBe('CANCELLED')
    expect((await allOf(store.list(base))).map(({ name }) => name).sort()).toEqual(['action', 'directory', 'file', 'table'])
  })

  it('is CANCELLED for every call and stream that waits', async () => {
    const base = await deployment.directory()
    const { store, proxy } = await deployment.throughProxy()
    const nodes = await nodesFor(store, base)
    proxy.fallSilent()
    const abort = new AbortController()
    const { signal } = abort
    setMaxListeners(0, signal)
    const asked = [
      ...everyCall(store, base, nodes, { signal }),
      ...everyStream(nodes, signal),
      store.deploy(import.meta.filename, { signal }),
      Client.connect(proxy.address, { signal }),
    ].map(codeOf)
    await new Promise(resolve => setImmediate(resolve))
    abort.abort(new Error('enough'))
    expect(await Promise.all(asked)).toEqual(asked.map(() => 'CANCELLED'))
  })

  it('ends a stream that is under way, as an abort', async () => {
    const { store } = deployment
    const path = `${await deployment.directory()}/file`
    await store.put(path, Buffer.alloc(12 * MiB))
    const file = await store.lookup(path, 'file')
    const abort = new AbortController()
    const reader = file.createReadStream({ signal: abort.signal })
    await once(reader, 'readable')
    const reading = errorOf(reader)
    abort.abort()
    expect((await reading).code).toBe('CANCELLED')
    for (const append of [false, true]) {
      const second = new AbortController()
      const writer = file.createWriteStream({ signal: second.signal, append })
      await written(writer, 'x')
      const writing = errorOf(writer)
      second.abort()
      expect((await writing).code).toBe('CANCELLED')
      expect((await file.stat()).size).toBe(12 * MiB)
    }
  })

  it('after the end of a call or stream does nothing', async () => {
    const { store } = deployment
    const path = `${await deployment.directory()}/file`
    const abort = new AbortController()
    await store.put(path, 'bytes', { signal: abort.signal })
    const file = await store.lookup(path, 'file', { signal: abort.signal })
    await ended(file.createWriteStream({ append: true, signal: abort.signal }))
    expect(await textOf(file.createReadStream({ signal: abort.signal }))).toBe('bytes')
    abort.abort()
    expect((await store.get(path)).toString()).toBe('bytes')
  })
})

describe('timeoutMs', () => {
  it('is TIMEOUT for every call that is not answered within it, also while connecting', async () => {
    const base = await deployment.directory()
    const { store, proxy } = await deployment.throughProxy()
    const nodes = await nodesFor(store, base)
    proxy.fallSilent()
    const options = { timeoutMs: 200 }
    for (const failure of await Promise.all(everyCall(store, base, nodes, options).map(failureOf))) {
      expect(failure).toMatchObject({ code: 'TIMEOUT', retryable: true })
    }
    proxy.cut()
    expect(await codeOf(store.exists('/', options))).toBe('TIMEOUT')
    expect(await codeOf(Client.connect(proxy.address, options))).toBe('TIMEOUT')
    proxy.speak()
    proxy.cut()
    expect(await store.exists('/')).toBe(true)
  })

  it('that is no time is refused by every call, and while connecting', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    const nodes = await nodesFor(store, base)
    for (const timeoutMs of [0, -1, Number.NaN]) {
      const asked = [
        ...everyCall(store, base, nodes, { timeoutMs }),
        store.deploy(import.meta.filename, { timeoutMs }),
        Client.connect(deployment.url, { timeoutMs }),
      ]
      for (const failure of await Promise.all(asked.map(failureOf))) {
        expect(failure).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(`timeoutMs of ${timeoutMs}`) })
      }
    }
  })

  it('that is long enough changes nothing', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await store.put(`${base}/x`, 'x', { timeoutMs: 30_000 })
    expect((await store.get(`${base}/x`, { timeoutMs: 30_000 })).toString()).toBe('x')
  })
})

describe('options', () => {
  /** As a program in JavaScript gives them. */
  const options = (given: object): CallOptions => given

  it('are the last argument, after optional ones', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    const { signal } = new AbortController()
    expect((await store.lookup(base, undefined, { signal, timeoutMs: 10_000 })).type).toBe('directory')
    expect((await store.lookup(base, 'directory', { signal, timeoutMs: 10_000 })).type).toBe('directory')
    expect((await store.lookup(base, undefined, undefined)).type).toBe('directory')
  })

  it('that are undefined, all or one, are as if they were not there', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    const none = options({ signal: undefined, timeoutMs: undefined })
    for (const given of [undefined, {}, none]) {
      const nothing = {
        ...given,
        parents: undefined,
        ifExists: undefined,
        storageClass: undefined,
        near: undefined,
        ttlMs: undefined,
      }
      const file = await store.create(`${base}/x`, 'file', given && options(nothing))
      await store.put(
        file.path,
        'bytes',
        given && options({ ...given, parents: undefined, storageClass: undefined, near: undefined }),
      )
      expect((await store.get(file.path, given)).toString()).toBe('bytes')
      expect((await store.stat(file.path, given)).size).toBe(5)
      expect((await file.stat(given)).size).toBe(5)
      expect(await store.exists(file.path, given)).toBe(true)
      expect(await allOf(store.list(base, given))).toHaveLength(1)
      expect(await allOf((await store.lookup(base, 'directory', given)).list(given))).toHaveLength(1)
      const range = given && options({ start: undefined, end: undefined, signal: undefined })
      expect(await textOf(file.createReadStream(range))).toBe('bytes')
      await writeAll(file.createWriteStream(given && options({ append: undefined, signal: undefined })), 'new')
      const handle = await file.open(given && options({ ...given, write: undefined }))
      expect(await handle.read(0, Buffer.alloc(3), given)).toBe(3)
      await handle.close(given)
      const writing = await file.open({ ...given, write: true })
      await writing.write(0, Buffer.from('x'), given)
      await writing.sync(given)
      await writing.close(given)
      await store.rename(file.path, `${base}/y`, given)
      expect(await store.delete(`${base}/y`, given && options({ ...given, recursive: undefined }))).toBe(true)
      const table = await store.create(`${base}/table`, 'table', given)
      await table.put('k', 'v', given)
      expect((await table.get('k', given)).toString()).toBe('v')
      expect(await allOf(table.entries(given))).toHaveLength(1)
      expect(await table.delete('k', given)).toBe(true)
      await store.delete(table.path)
      const lease = await store.lease(base, { ttlMs: 60_000, ...given })
      await lease.renew(given)
      await lease.release(given)
    }
  })
})

describe('a closed store', () => {
  it('fails what is under way and everything after with UNAVAILABLE, and may be closed again', async () => {
    const { store } = deployment
    const path = `${await deployment.directory()}/file`
    await store.put(path, 'old')
    const closing = await deployment.connect()
    const file = await closing.lookup(path, 'file')
    const writer = file.createWriteStream()
    await written(writer, 'x')
    const failure = errorOf(writer)
    await closing.close()
    await closing.close()
    writer.end()
    expect((await failure).code).toBe('UNAVAILABLE')
    expect(await codeOf(closing.exists('/'))).toBe('UNAVAILABLE')
    expect(await codeOf(textOf(file.createReadStream()))).toBe('UNAVAILABLE')
    expect((await store.get(path)).toString()).toBe('old')
  })
})

describe('connect', () => {
  it('to nobody is UNAVAILABLE at once, and to what is no address INVALID_ARGUMENT', async () => {
    const { proxy } = await deployment.throughProxy()
    await proxy.stop()
    for (const address of [proxy.address, proxy.address.replace('http', 'ws'), proxy.address.slice('http://'.length)]) {
      const failure = await failureOf(Client.connect(address))
      expect(failure).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
      expect(failure.message).toContain(proxy.address.slice('http://'.length))
    }
    for (const address of ['', 'nonsense', 'http://', 'ftp://127.0.0.1:1', '127.0.0.1', '127.0.0.1:99999']) {
      expect(await codeOf(Client.connect(address))).toBe('INVALID_ARGUMENT')
    }
  })
})
