import { pipeline } from 'node:stream/promises'
import { expect, test } from 'vitest'
import { bytesOf, codeOf, expectNothingLeft, inlineBytes, someBytes, withCluster } from './store.test.helper.ts'

const fixture = withCluster()
const LIMIT = 4096

test('files up to the limit take no block, larger ones do, and either replaces the other', async () => {
  const { store, cluster } = fixture
  for (const size of [LIMIT, LIMIT + 1, 0, 1, 70_000, 3, 3 << 20, LIMIT - 1]) {
    const bytes = someBytes(size)
    await store.put('/f', bytes)
    expect((await store.get('/f')).equals(bytes)).toBe(true)
    const blocks = size <= LIMIT ? 0 : Math.ceil(size / (1 << 20))
    expect(await store.usage()).toMatchObject({ nodes: 1, storedBytes: size, blocks, slots: 0 })
    expect((await inlineBytes(cluster)) > 0).toBe(size > 0 && size <= LIMIT)
    const file = await store.lookup('/f', 'file')
    expect((await bytesOf(file.createReadStream())).equals(bytes)).toBe(true)
    expect((await bytesOf(file.createReadStream({ start: 1, end: 100 }))).equals(bytes.subarray(1, 101))).toBe(true)
    expect(await bytesOf(file.createReadStream({ start: size + 7 }))).toEqual(Buffer.alloc(0))
  }
  await expectNothingLeft(fixture)
})

test('appending to a small file goes on behind its bytes', async () => {
  const { store } = fixture
  const first = someBytes(1000)
  const more = someBytes(100_000)
  await store.put('/f', first)
  const file = await store.lookup('/f', 'file')
  const stream = file.createWriteStream({ append: true })
  stream.write(more.subarray(0, 10))
  await stream.sync()
  expect((await store.get('/f')).equals(Buffer.concat([first, more.subarray(0, 10)]))).toBe(true)
  stream.end(more.subarray(10))
  await new Promise(resolve => stream.once('close', resolve))
  expect((await store.get('/f')).equals(Buffer.concat([first, more]))).toBe(true)
  expect(await store.usage()).toMatchObject({ nodes: 1, storedBytes: 101_000, blocks: 1, slots: 0 })
  await expectNothingLeft(fixture)
})

test('a stream or handle that writes nothing, or is aborted, leaves a small file as it was', async () => {
  const { store } = fixture
  await store.put('/f', 'small')
  const file = await store.lookup('/f', 'file')
  await pipeline([], file.createWriteStream({ append: true }))
  const aborted = file.createWriteStream({ append: true })
  aborted.on('error', () => {}).write('no')
  aborted.destroy()
  await new Promise(resolve => aborted.once('close', resolve))
  await (await file.open({ write: true })).close()
  expect((await store.get('/f')).toString()).toBe('small')
  expect(await store.usage()).toMatchObject({ nodes: 1, storedBytes: 5, blocks: 0, slots: 0 })
  await expectNothingLeft(fixture)
})

test('a small file is written in place so that its readers see it, and what was there stays where nothing more comes', async () => {
  const { store, cluster } = fixture
  await store.put('/f', 'abcdef')
  const file = await store.lookup('/f', 'file')
  {
    await using handle = await file.open({ write: true })
    await Promise.all([handle.write(1, Buffer.from('B')), handle.write(4, Buffer.from('E')), handle.write(6, Buffer.from('g'))])
    const into = Buffer.alloc(8)
    expect(await handle.read(0, into)).toBe(7)
    expect(into.toString('latin1', 0, 7)).toBe('aBcdEfg')
    // The length is published by `sync` and `close`.
    expect((await store.get('/f')).toString()).toBe('aBcdEf')
    expect(await inlineBytes(cluster)).toBe(0)
  }
  expect((await store.get('/f')).toString()).toBe('aBcdEfg')
  await expectNothingLeft(fixture)
})

test('a plain write stream replaces a small file at its close', async () => {
  const { store, cluster } = fixture
  await store.put('/f', 'old')
  const file = await store.lookup('/f', 'file')
  const stream = file.createWriteStream()
  stream.write('new')
  expect((await store.get('/f')).toString()).toBe('old')
  expect(await codeOf(store.put('/f', 'x'))).toBe('BUSY')
  stream.end()
  await new Promise(resolve => stream.once('close', resolve))
  expect((await store.get('/f')).toString()).toBe('new')
  expect(await inlineBytes(cluster)).toBe(0)
  await store.put('/f', 'inline again')
  expect((await store.usage()).blocks).toBe(0)
  await expectNothingLeft(fixture)
})

test('a directory of many small files is written, listed, read and deleted', async () => {
  const { store, cluster } = fixture
  await store.create('/d', 'directory')
  await Promise.all(Array.from({ length: 3000 }, (_, i) => store.put(`/d/f${i}`, `value ${i}`)))
  let size = 0
  for await (const entry of store.list('/d')) size += entry.size
  expect(await store.usage()).toMatchObject({ nodes: 3001, storedBytes: size, blocks: 0, slots: 0 })
  const values = await Promise.all(Array.from({ length: 3000 }, (_, i) => store.get(`/d/f${i}`)))
  for (const [i, value] of values.entries()) expect(value.toString()).toBe(`value ${i}`)
  expect(await inlineBytes(cluster)).toBeGreaterThan(size)
  await store.delete('/d', { recursive: true })
  await expectNothingLeft(fixture)
})

test('put and get count what they move', async () => {
  const { store } = fixture
  const before = store.counters()
  await store.put('/f', 'small')
  await store.get('/f')
  await store.put('/g', Buffer.alloc(10_000))
  await store.get('/g')
  const { transfers, bytesSent, bytesReceived } = store.counters()
  expect(transfers - before.transfers).toBe(4)
  expect(bytesSent - before.bytesSent).toBe(10_005)
  expect(bytesReceived - before.bytesReceived).toBe(10_005)
  await expectNothingLeft(fixture)
})
