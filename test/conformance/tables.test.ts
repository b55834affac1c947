import { once } from 'node:events'
import { pipeline } from 'node:stream/promises'
import type { TableNode } from 'glider'
import { describe, expect, it } from 'vitest'
import { codeOf, failureOf } from '../support/failure.ts'
import { bytesOf, ended, errorOf, textOf, writeAll, written } from '../support/streams.ts'
import { MiB, patterned } from './support/bytes.ts'
import { openDeployment } from './support/deployment.ts'
import { firstOf, namesIn } from './support/tree.ts'

const deployment = openDeployment()

async function newTable(): Promise<TableNode> {
  return deployment.store.create(`${await deployment.directory()}/table`, 'table')
}

/** Sizes by key, each of which comes once. */
async function entriesOf(table: TableNode): Promise<Map<string, number>> {
  const sizes = new Map<string, number>()
  for await (const { key, size } of table.entries()) {
    expect(sizes.has(key)).toBe(false)
    sizes.set(key, size)
  }
  return sizes
}

describe('a table', () => {
  it.each([0, 1, 4096, 4097, 65_537, MiB + 1, 5 * MiB + 3])('puts and gets values of %i bytes', async length => {
    const { store } = deployment
    const table = await newTable()
    const bytes = patterned(length)
    await table.put('k', 'old')
    await table.put('k', bytes)
    const back = await table.get('k')
    expect(Buffer.isBuffer(back)).toBe(true)
    expect(back.equals(bytes)).toBe(true)
    expect((await store.get(`${table.path}/k`)).equals(bytes)).toBe(true)
    expect((await table.stat()).size).toBe(0)
    expect(await entriesOf(table)).toEqual(new Map([['k', length]]))
  })

  it('takes strings as UTF-8', async () => {
    const table = await newTable()
    await table.put('ключ', 'ä漢🙂')
    expect((await table.get('ключ')).toString('utf8')).toBe('ä漢🙂')
  })

  it('deletes a key and answers whether it was there; a missing one is NOT_FOUND to get', async () => {
    const table = await newTable()
    await table.put('k', 'x')
    expect(await table.delete('k')).toBe(true)
    expect(await table.delete('k')).toBe(false)
    expect(await failureOf(table.get('k'))).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('k') })
    expect(await codeOf(table.get('constructor'))).toBe('NOT_FOUND')
    expect(await table.delete('__proto__')).toBe(false)
  })

  it('has keys that are one path part', async () => {
    const table = await newTable()
    const wrong = ['', '.', '..', 'a/b', '/', '/a', 'a\0', '\ud800', 'a'.repeat(256), 'ä'.repeat(128)]
    for (const key of wrong) {
      const asked = [table.put(key, 'x'), table.put(key, patterned(MiB)), table.get(key), table.delete(key)]
      expect(await Promise.all(asked.map(codeOf))).toEqual(asked.map(() => 'INVALID_PATH'))
    }
    const right = ['a'.repeat(255), '...', ' ', '\n', '*', 'A', 'a', 'é', 'e\u0301', '__proto__', 'constructor']
    for (const key of right) await table.put(key, key)
    for (const key of right) expect((await table.get(key)).toString()).toBe(key)
    expect([...(await entriesOf(table)).keys()].sort()).toEqual([...right].sort())
  })

  it('has no key whose path would be longer than a path may be', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    const table = await store.create(`${base}${`/${'x'.repeat(99)}`.repeat(40)}`, 'table', { parents: true })
    const room = 4096 - table.path.length - 1
    for (const key of ['k'.repeat(room + 1), 'ä'.repeat((room >> 1) + 1)]) {
      const asked = [table.put(key, 'x'), table.put(key, patterned(MiB)), table.get(key), table.delete(key)]
      expect(await Promise.all(asked.map(codeOf))).toEqual(asked.map(() => 'INVALID_PATH'))
    }
    await table.put('k'.repeat(room), 'x')
    expect((await store.get(`${table.path}/${'k'.repeat(room)}`)).toString()).toBe('x')
  })

  it('holds only keyvalues, and a keyvalue is only in a table', async () => {
    const { store } = deployment
    const table = await newTable()
    for (const type of ['file', 'directory', 'table', 'bag', 'action'] as const) {
      expect(await codeOf(store.create(`${table.path}/${type}`, type))).toBe('TYPE_MISMATCH')
      expect(await codeOf(store.create(`${table.path}/a/${type}`, type, { parents: true }))).toBe('TYPE_MISMATCH')
      await store.create(`${table.path}-${type}`, type)
      expect(await codeOf(store.rename(`${table.path}-${type}`, `${table.path}/${type}`))).toBe('TYPE_MISMATCH')
    }
    expect(await codeOf(store.put(`${table.path}/a/b`, 'x', { parents: true }))).toBe('TYPE_MISMATCH')
    for (const parent of [`${table.path}-directory`, `${table.path}-file`]) {
      expect(await codeOf(store.create(`${parent}/k`, 'keyvalue'))).toBe('TYPE_MISMATCH')
    }
    expect(await codeOf(store.create(`${table.path}-missing/k`, 'keyvalue', { parents: true }))).toBe('TYPE_MISMATCH')
    expect(await namesIn(store, table.path)).toEqual([])
    expect(await store.exists(`${table.path}-missing`)).toBe(false)
  })

  it('is where its keys stay: none is renamed out of it or into it', async () => {
    const { store } = deployment
    const table = await newTable()
    const other = await store.create(`${table.path}2`, 'table')
    await table.put('k', 'value')
    for (const to of [`${table.path}3`, `${other.path}/k`]) {
      expect(await codeOf(store.rename(`${table.path}/k`, to))).toBe('TYPE_MISMATCH')
    }
    await store.rename(`${table.path}/k`, `${table.path}/k`)
    expect((await table.get('k')).toString()).toBe('value')
    expect(await entriesOf(other)).toEqual(new Map())
  })

  it('has its keys at table/key: for put, get, streams, lookup, stat, list and delete', async () => {
    const { store } = deployment
    const table = await newTable()
    await store.put(`${table.path}/k`, 'by path')
    expect((await table.get('k')).toString()).toBe('by path')
    const keyvalue = await store.lookup(`${table.path}/k`, 'keyvalue')
    expect(await keyvalue.stat()).toMatchObject({ path: `${table.path}/k`, type: 'keyvalue', size: 7 })
    expect(await textOf(keyvalue.createReadStream({ start: 3 }))).toBe('path')
    expect(await namesIn(store, table.path)).toEqual(['k'])
    expect(await store.delete(`${table.path}/k`)).toBe(true)
    expect(await codeOf(keyvalue.stat())).toBe('NOT_FOUND')
  })

  it('gives every key once, while others come and go', async () => {
    const table = await newTable()
    await Promise.all(Array.from({ length: 2500 }, (_, i) => table.put(`stays ${i}`, `${i}`)))
    const seen = new Map<string, number>()
    for await (const { key, size } of table.entries()) {
      expect(seen.has(key)).toBe(false)
      seen.set(key, size)
      if (seen.size % 25 === 0) {
        await table.put(`comes ${seen.size}`, 'x')
        await table.delete(`comes ${seen.size - 50}`)
      }
    }
    for (let i = 0; i < 2500; i++) expect(seen.get(`stays ${i}`)).toBe(`${i}`.length)
    expect((await table.get('stays 2321')).toString()).toBe('2321')
  })

  it('that was deleted is NOT_FOUND', async () => {
    const { store } = deployment
    const table = await newTable()
    await table.put('k', 'x')
    await store.delete(table.path, { recursive: true })
    for (const call of [table.get('k'), table.put('k', ''), table.delete('k'), firstOf(table.entries())]) {
      expect(await codeOf(call)).toBe('NOT_FOUND')
    }
  })
})

describe('a keyvalue', () => {
  it('has streams as a file has', async () => {
    const table = await newTable()
    await table.put('k', 'old')
    const keyvalue = await deployment.store.lookup(`${table.path}/k`, 'keyvalue')
    const large = patterned(3 * MiB + 5)
    const writer = keyvalue.createWriteStream()
    await written(writer, large)
    expect((await table.get('k')).toString()).toBe('old')
    await ended(writer)
    expect((await table.get('k')).equals(large)).toBe(true)
    const range = await bytesOf(keyvalue.createReadStream({ start: 5, end: 2 * MiB }))
    expect(range.equals(large.subarray(5, 2 * MiB + 1))).toBe(true)
    expect((await errorOf(keyvalue.createReadStream({ start: 2, end: 1 }))).code).toBe('INVALID_ARGUMENT')
    await pipeline([Buffer.from('pi'), Buffer.from('ped')], keyvalue.createWriteStream())
    expect(await textOf(keyvalue.createReadStream())).toBe('piped')
    const aborted = keyvalue.createWriteStream()
    await written(aborted, large)
    aborted.destroy()
    await once(aborted, 'close')
    expect((await table.get('k')).toString()).toBe('piped')
  })

  it('that is replaced or deleted ends its readers in BLOCK_GONE, never in a mix', async () => {
    const { store } = deployment
    const table = await newTable()
    const old = patterned(12 * MiB, 3)
    for (const how of ['replaced', 'deleted']) {
      await table.put('k', old)
      const keyvalue = await store.lookup(`${table.path}/k`, 'keyvalue')
      const chunks: Buffer[] = []
      let error: unknown
      try {
        for await (const chunk of keyvalue.createReadStream()) {
          chunks.push(chunk as Buffer)
          if (chunks.length > 1) continue
          if (how === 'replaced') await table.put('k', patterned(12 * MiB, 4))
          else await table.delete('k')
          await table.put('other', patterned(12 * MiB, 5))
        }
      } catch (thrown) {
        error = thrown
      }
      const got = Buffer.concat(chunks)
      expect(got.equals(old.subarray(0, got.length))).toBe(true)
      if (got.length < old.length) expect(error).toMatchObject({ name: 'GliderError', code: 'BLOCK_GONE' })
    }
  })

  it('goes with its table', async () => {
    const { store } = deployment
    const table = await newTable()
    await table.put('k', 'value')
    const keyvalue = await store.lookup(`${table.path}/k`, 'keyvalue')
    const moved = `${table.path}-moved`
    await store.rename(table.path, moved)
    expect((await table.get('k')).toString()).toBe('value')
    expect(await textOf(keyvalue.createReadStream())).toBe('value')
    expect((await keyvalue.stat()).path).toBe(`${moved}/k`)
    expect((await table.stat()).path).toBe(moved)
    expect(table.path).toBe(moved)
    await store.delete(moved, { recursive: true })
    expect(await codeOf(keyvalue.stat())).toBe('NOT_FOUND')
    expect(await codeOf(writeAll(keyvalue.createWriteStream(), 'x'))).toBe('NOT_FOUND')
  })

  it('is replaced atomically: putting and getting at the same time never shows a mix', async () => {
    const table = await newTable()
    const other = await (await deployment.connect()).lookup(table.path, 'table')
    const sizes = [10, 4000, 5000, 70_000, MiB + 17, 3 * MiB]
    await table.put('k', Buffer.alloc(10, 0))
    const putting = { over: false }
    const puts = sizes.map(async (size, index) => {
      for (let i = 0; i < 8; i++) await table.put('k', Buffer.alloc(size, index + 1))
    })
    const gets = [table, other, other].map(async reader => {
      let seen = 0
      for (; !putting.over; seen++) {
        const value = await reader.get('k')
        const first = value[0] ?? -1
        if (first > 0) expect(value.length).toBe(sizes[first - 1])
        expect(value.equals(Buffer.alloc(value.length, first))).toBe(true)
      }
      return seen
    })
    await Promise.all(puts)
    putting.over = true
    for (const seen of await Promise.all(gets)) expect(seen).toBeGreaterThan(0)
    expect((await entriesOf(table)).size).toBe(1)
  })
})
