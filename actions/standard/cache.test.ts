import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { GliderError } from '../../protocol/errors.ts'
import type { StoreClient } from '../store.ts'
import { runAction } from '../testing/index.ts'
import { Cache } from './index.ts'
import { LruBytes } from './lru-bytes.ts'

/** Files that tell when they are opened, and are read once they are let. */
function slowStore(files: Record<string, string>): { store: StoreClient; reads: string[]; gate: { open?: Promise<void> } } {
  const reads: string[] = []
  const gate: { open?: Promise<void> } = {}
  const store = {
    async lookup(path: string) {
      const text = files[path]
      if (text === undefined) throw new GliderError('NOT_FOUND', `${path} is not there`)
      reads.push(path)
      return {
        type: 'file',
        createReadStream: () =>
          Readable.from(
            (async function* () {
              await gate.open
              yield Buffer.from(text)
            })(),
          ),
      }
    },
  } as unknown as StoreClient
  return { store, reads, gate }
}

describe('Cache', () => {
  it('reads a source once, for all who ask, and again when it was invalidated', async () => {
    const files: Record<string, string> = { '/a': 'old' }
    const { store, reads, gate } = slowStore(files)
    await using cache = await runAction(Cache, { params: { source: '/a' }, store, interleaved: true })
    let open!: () => void
    gate.open = new Promise(resolve => {
      open = resolve
    })
    const asked = [cache.call('get', '/a'), cache.call('get', { source: '/a', as: 'base64' }), cache.readText()]
    open()
    expect(await Promise.all(asked)).toEqual(['old', Buffer.from('old').toString('base64'), 'old'])
    files['/a'] = 'new'
    expect(await cache.call('get', '/a')).toBe('old')
    expect(reads).toEqual(['/a'])
    expect(await cache.call('stats')).toEqual({ entries: 1, bytes: 3, hits: 3, misses: 1, evicted: 0 })
    expect(await cache.call('invalidate', '/a')).toBe(1)
    expect(await cache.readText()).toBe('new')
    expect(await cache.call('invalidate')).toBe(1)
    expect(await cache.call('invalidate', { source: '/a' })).toBe(0)
  })

  it('does not keep what was invalidated while it was read', async () => {
    const { store, reads, gate } = slowStore({ '/a': 'x' })
    await using cache = await runAction(Cache, { store, interleaved: true })
    let open!: () => void
    gate.open = new Promise(resolve => {
      open = resolve
    })
    const asked = cache.call('get', '/a')
    await cache.call('invalidate', '/a')
    open()
    await asked
    await cache.call('get', '/a')
    expect(reads).toEqual(['/a', '/a'])
  })

  it('does not remember failures, nor hold more than its bounds', async () => {
    const files: Record<string, string> = { '/1': 'x'.repeat(600), '/2': 'y'.repeat(600), '/long': 'z'.repeat(2000) }
    const { store, reads } = slowStore(files)
    await using cache = await runAction(Cache, { params: { maxBytes: 1024 }, store })
    await expect(cache.call('get', '/3')).rejects.toThrow('NOT_FOUND')
    files['/3'] = 'there'
    expect(await cache.call('get', '/3')).toBe('there')
    for (const path of ['/1', '/2', '/1']) await cache.call('get', path)
    expect(reads).toEqual(['/3', '/1', '/2', '/1'])
    expect(await cache.call('stats')).toMatchObject({ bytes: 600, evicted: 3 })
    await expect(cache.call('get', '/long')).rejects.toThrow('params.maxSourceBytes')
    await expect(cache.readText()).rejects.toThrow('params.source')
  })

  it('asks again when a copy is too old', async () => {
    const { store, reads } = slowStore({ '/a': 'x' })
    await using cache = await runAction(Cache, { params: { ttlMs: 1 }, store })
    while (reads.length < 2) await cache.call('get', '/a')
  })

  it('fetches from origins that it was given, and from no other', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: 'http://127.0.0.2/' })
      else if (request.url !== '/x') response.writeHead(404)
      response.end('from afar')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    try {
      await using cache = await runAction(Cache, { params: { origins: [origin] } })
      expect(await cache.call('get', `${origin}/x`)).toBe('from afar')
      await expect(cache.call('get', `${origin}/y`)).rejects.toThrow('NOT_FOUND')
      await expect(cache.call('get', `${origin}/moved`)).rejects.toThrow('status 302')
      for (const other of ['http://127.0.0.1/x', 'file:///etc/hosts', 'x', '']) {
        await expect(cache.call('get', other)).rejects.toThrow('params.origins')
      }
    } finally {
      server.closeAllConnections()
      await new Promise(closed => server.close(closed))
    }
  })
})

describe('LruBytes', () => {
  it('lets go of what was used least recently, and never takes what is too large', () => {
    const values = new LruBytes<number>(10, 3)
    for (const key of ['a', 'b', 'c']) values.set(key, 1, 1)
    values.get('a')
    values.set('d', 1, 1)
    expect([values.get('a'), values.get('b'), values.get('d')]).toEqual([1, undefined, 1])
    values.set('e', 1, 9)
    expect([values.entries, values.bytes, values.get('d'), values.get('a')]).toEqual([2, 10, 1, undefined])
    values.set('f', 1, 11)
    values.set('e', 2, 2)
    expect([values.entries, values.bytes, values.get('f'), values.get('e')]).toEqual([2, 3, undefined, 2])
  })
})
