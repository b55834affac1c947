import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { StoreClient } from '../client/index.ts'
import { LocalCluster } from '../cluster/index.ts'
import { bytesOf, codeOf, errorOf, MIB, serverWhen, TempFolder } from './storage.test.helper.ts'
import { expectClean } from './support/clean.ts'

test('a file goes on in the next class where one is full, and is the same bytes', async () => {
  await using folder = await TempFolder.make()
  const dataDir = path.join(folder.path, 'data')
  await using cluster = await LocalCluster.start({
    inProcess: true,
    activeServers: 0,
    storageServers: [
      { capacity: 2 * MIB },
      { capacity: 3 * MIB, kind: 'disk', dataDir },
      { capacity: 2 * MIB, kind: 'disk', dataDir: path.join(folder.path, 'archive'), storageClass: 'archive' },
    ],
  })
  await using store = await StoreClient.connect(cluster.address)
  const bytes = bytesOf(1, 5 * MIB - 100)
  await store.put('/f', bytes)
  expect((await store.get('/f')).equals(bytes)).toBe(true)
  const full = await errorOf(store.put('/g', bytesOf(2, MIB)))
  expect(full).toMatchObject({ code: 'NO_SPACE', message: expect.stringMatching(/\/g.*dram, disk/) })
  await store.put('/g', bytesOf(2, 2 * MIB), { storageClass: 'archive' })
  expect((await store.stat('/g')).storageClass).toBe('archive')
  expect((await store.get('/g')).equals(bytesOf(2, 2 * MIB))).toBe(true)
  await store.delete('/f')
  await store.put('/h', bytesOf(3, 5 * MIB))
  expect((await store.get('/h')).equals(bytesOf(3, 5 * MIB))).toBe(true)
  await expectClean(store)
  await cluster.stop()
  expect(await readdir(dataDir)).toEqual([])
})

test('a directory’s class holds for what is created below, and near goes to the host of the data', async () => {
  await using cluster = await LocalCluster.start({
    inProcess: true,
    activeServers: 0,
    capacity: '8MiB',
    storageServers: [{}, {}, { storageClass: 'cold' }],
  })
  await using store = await StoreClient.connect(cluster.address)
  const used = async (): Promise<number[]> =>
    Promise.all(cluster.servers.slice(1).map(async ({ address }) => (await serverWhen(store, address, () => true)).used))
  await store.create('/cold', 'directory', { storageClass: ['cold'] })
  await store.put('/cold/a/b', bytesOf(1, 2 * MIB), { parents: true })
  expect((await store.servers()).find(({ storageClass }) => storageClass === 'cold')?.used).toBe(2)
  await store.put('/data', bytesOf(2, MIB))
  for (let i = 0; i < 3; i++) await store.put(`/near-${i}`, bytesOf(i, MIB), { near: '/data' })
  expect((await used()).sort((a, b) => a - b)).toEqual([0, 2, 4])
  await expectClean(store)
})

describe.each(['dram', 'disk'] as const)('on %s', kind => {
  test('a stale reader gets BLOCK_GONE and never a foreign byte', async () => {
    await using folder = await TempFolder.make()
    const dataDir = path.join(folder.path, 'data')
    await using cluster = await LocalCluster.start({
      inProcess: true,
      activeServers: 0,
      storageServers: [{ capacity: 2 * MIB, kind, ...(kind === 'disk' && { dataDir }) }],
    })
    await using store = await StoreClient.connect(cluster.address)
    for (let round = 1; round <= 10; round++) {
      const mine = bytesOf(round, 2 * MIB)
      await store.put('/mine', mine)
      const file = await store.lookup('/mine', 'file')
      await using reader = await file.open()
      const piece = Buffer.alloc(4096)
      expect(await reader.read(MIB, piece)).toBe(4096)
      expect(piece.equals(mine.subarray(MIB, MIB + 4096))).toBe(true)
      await store.delete('/mine')
      // All blocks that there are: those of the reader among them.
      await store.put('/theirs', bytesOf(1000 + round, 2 * MIB))
      piece.fill(0)
      expect(await codeOf(reader.read(MIB, piece))).toBe('BLOCK_GONE')
      expect(piece.every(byte => byte === 0)).toBe(true)
      await store.delete('/theirs')
    }
    await expectClean(store)
  })

  test('more at once than the server wants to have under way is taken in turns', async () => {
    await using folder = await TempFolder.make()
    const dataDir = path.join(folder.path, 'data')
    await using cluster = await LocalCluster.start({
      inProcess: true,
      activeServers: 0,
      storageServers: [{ capacity: 160 * MIB, kind, ...(kind === 'disk' && { dataDir }) }],
    })
    await using store = await StoreClient.connect(cluster.address)
    const file = await store.create('/f', 'file')
    const bytes = bytesOf(1, 150 * MIB)
    const pieces = Array.from({ length: 150 }, (_, i) => i)
    await using writer = await file.open({ write: true })
    await Promise.all(pieces.map(i => writer.write(i * MIB, bytes.subarray(i * MIB, (i + 1) * MIB))))
    await writer.close()
    await using reader = await file.open()
    const into = Buffer.alloc(bytes.length)
    await Promise.all(pieces.map(i => reader.read(i * MIB, into.subarray(i * MIB, (i + 1) * MIB))))
    expect(into.equals(bytes)).toBe(true)
    await expectClean(store)
  })

  test('many files of many sizes at once are what was written', async () => {
    await using folder = await TempFolder.make()
    const dataDir = path.join(folder.path, 'data')
    await using cluster = await LocalCluster.start({
      inProcess: true,
      activeServers: 0,
      blockSize: '256KiB',
      storageServers: [{ capacity: 64 * MIB, kind, ...(kind === 'disk' && { dataDir }) }],
    })
    await using store = await StoreClient.connect(cluster.address)
    const sizes = Array.from({ length: 40 }, (_, i) => 5000 + i * 17_777)
    for (let round = 0; round < 3; round++) {
      await Promise.all(sizes.map((size, i) => store.put(`/f${i}`, bytesOf(round * 100 + i, size))))
      const all = await Promise.all(sizes.map((_, i) => store.get(`/f${i}`)))
      for (const [i, bytes] of all.entries()) expect(bytes.equals(bytesOf(round * 100 + i, sizes[i]!))).toBe(true)
    }
    await expectClean(store)
  })
})
