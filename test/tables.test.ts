import { pipeline } from 'node:stream/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { TableNode } from '../client/index.ts'
import { bytesOf, codeOf, expectNothingLeft, someBytes, withCluster } from './store.test.helper.ts'

const fixture = withCluster()
const MIB = 1 << 20

async function keysOf(table: TableNode): Promise<Map<string, number>> {
  const sizes = new Map<string, number>()
  for await (const { key, size } of table.entries()) {
    expect(sizes.has(key)).toBe(false)
    sizes.set(key, size)
  }
  return sizes
}

test('values of any size are put, got, replaced, listed and deleted by key', async () => {
  const { store } = fixture
  const table = await store.create('/t', 'table')
  expect(table.type).toBe('table')
  for (const size of [0, 1, 4096, 4097, 65_536, 65_537, MIB, MIB + 1, 5 * MIB + 3]) {
    const bytes = someBytes(size)
    await table.put('k', bytes)
    expect((await table.get('k')).equals(bytes)).toBe(true)
    expect((await store.get('/t/k')).equals(bytes)).toBe(true)
    expect((await table.stat()).size).toBe(0)
    expect((await store.usage()).blocks).toBe(size <= 4096 ? 0 : Math.ceil(size / MIB))
  }
  await table.put('ключ', 'text')
  expect((await table.get('ключ')).toString()).toBe('text')
  expect(await keysOf(table)).toEqual(
    new Map([
      ['k', 5 * MIB + 3],
      ['ключ', 4],
    ]),
  )
  expect(await table.delete('k')).toBe(true)
  expect(await table.delete('k')).toBe(false)
  expect(await codeOf(table.get('k'))).toBe('NOT_FOUND')
  expect(await codeOf(table.put('a/b', ''))).toBe('INVALID_PATH')
  await expectNothingLeft(fixture)
})

test('a key is a keyvalue at table/key, for put, get, streams and proxies', async () => {
  const { store } = fixture
  const table = await store.create('/a/t', 'table', { parents: true })
  await store.put('/a/t/k', 'by path')
  expect((await table.get('k')).toString()).toBe('by path')
  const keyvalue = await store.lookup('/a/t/k', 'keyvalue')
  expect(await keyvalue.stat()).toMatchObject({ path: '/a/t/k', type: 'keyvalue', size: 7 })
  expect((await bytesOf(keyvalue.createReadStream({ start: 3 }))).toString()).toBe('path')
  const large = someBytes(3 * MIB + 5)
  await pipeline([large.subarray(0, MIB + 1), large.subarray(MIB + 1)], keyvalue.createWriteStream())
  expect((await table.get('k')).equals(large)).toBe(true)
  expect((await bytesOf(keyvalue.createReadStream({ start: 5, end: 2 * MIB }))).equals(large.subarray(5, 2 * MIB + 1))).toBe(true)
  await table.put('k', 'small again')
  expect((await bytesOf(keyvalue.createReadStream())).toString()).toBe('small again')
  const aborted = keyvalue.createWriteStream()
  aborted.on('error', () => {}).write(large)
  aborted.destroy()
  expect((await store.get('/a/t/k')).toString()).toBe('small again')
  await store.rename('/a', '/b')
  expect((await table.get('k')).toString()).toBe('small again')
  expect((await table.stat()).path).toBe('/b/t')
  expect(table.path).toBe('/b/t')
  expect(await codeOf(store.rename('/b/t/k', '/k'))).toBe('TYPE_MISMATCH')
  expect(await codeOf(store.delete('/b/t'))).toBe('NOT_EMPTY')
  expect(await store.delete('/b/t', { recursive: true })).toBe(true)
  for (const call of [table.get('k'), table.put('k', ''), table.delete('k'), keyvalue.stat(), keysOf(table)]) {
    expect(await codeOf(call)).toBe('NOT_FOUND')
  }
  expect(await codeOf(store.create('/b/k', 'keyvalue'))).toBe('TYPE_MISMATCH')
  await expectNothingLeft(fixture)
})

test('putting and getting a value under the same key at the same time never shows a mix', async () => {
  const { store } = fixture
  const table = await store.create('/t', 'table')
  const sizes = [10, 4000, 5000, 70_000, MIB + 17, 3 * MIB]
  await table.put('k', Buffer.alloc(10, 0))
  const writing = { over: false }
  const puts = sizes.map(async (size, index) => {
    for (let i = 0; i < 12; i += 1) await table.put('k', Buffer.alloc(size, index + 1))
  })
  const gets = [1, 2, 3].map(async () => {
    let seen = 0
    for (; !writing.over; seen += 1) {
      const value = await table.get('k')
      const first = value[0] ?? -1
      if (first > 0) expect(value.length).toBe(sizes[first - 1])
      expect(value.equals(Buffer.alloc(value.length, first))).toBe(true)
    }
    return seen
  })
  await Promise.all(puts)
  writing.over = true
  for (const seen of await Promise.all(gets)) expect(seen).toBeGreaterThan(0)
  expect((await store.usage()).nodes).toBe(2)
  await expectNothingLeft(fixture)
})

test('a table is what a Map is, whatever the sizes', async () => {
  const { store } = fixture
  const key = fc.constantFrom('a', 'b', 'c', 'd')
  const size = fc.oneof(fc.constantFrom(0, 1, 4095, 4096, 4097, 65_535, 65_536, 65_537, MIB - 1, MIB, MIB + 1), fc.nat(9000))
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('put' as const), key, size }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), key, size: fc.constant(0) }) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async steps => {
      const table = await store.create('/t', 'table')
      const model = new Map<string, Buffer>()
      for (const one of steps) {
        if (one.do === 'put') {
          const bytes = someBytes(one.size)
          await table.put(one.key, bytes)
          model.set(one.key, bytes)
        } else expect(await table.delete(one.key)).toBe(model.delete(one.key))
      }
      for (const [name, bytes] of model) expect((await table.get(name)).equals(bytes)).toBe(true)
      expect(await keysOf(table)).toEqual(new Map([...model].map(([name, bytes]) => [name, bytes.length])))
      const stored = [...model.values()].reduce((sum, bytes) => sum + bytes.length, 0)
      expect(await store.usage()).toMatchObject({ nodes: model.size + 1, storedBytes: stored })
      await expectNothingLeft(fixture)
    }),
    { numRuns: 25 },
  )
})

test('entries streams a table of many keys', async () => {
  const { store } = fixture
  const table = await store.create('/t', 'table')
  await Promise.all(Array.from({ length: 5000 }, (_, i) => table.put(`key ${i}`, `${i}`)))
  expect((await keysOf(table)).size).toBe(5000)
  expect((await table.get('key 4321')).toString()).toBe('4321')
  await expectNothingLeft(fixture)
})
