import { once } from 'node:events'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { expect, test } from 'vitest'
import { StoreClient } from '../client/index.ts'
import { LocalCluster } from '../cluster/index.ts'
import { bytesOf, codeOf, errorOf, MIB, serverWhen, TempFolder } from './storage.test.helper.ts'
import { expectClean } from './support/clean.ts'

const options = { activeServers: 0, capacity: '64MiB', deadAfter: '2500ms' } as const

test('what was on a server that died is DATA_LOST, can be deleted and replaced, and a new server starts empty', async () => {
  await using folder = await TempFolder.make()
  const disk = { kind: 'disk', dataDir: path.join(folder.path, 'data'), storageClass: 'dram' } as const
  await using cluster = await LocalCluster.start({ ...options, storageServers: [{}, disk] })
  await using store = await StoreClient.connect(cluster.address)
  await store.put('/spread', bytesOf(1, 4 * MIB))
  await store.put('/goes', bytesOf(2, 4 * MIB))
  const [, , dying] = cluster.servers
  const { id } = await serverWhen(store, dying!.address, () => true)
  await dying!.kill()
  const lost = await errorOf(store.get('/spread'))
  expect(lost?.code).toBe('DATA_LOST')
  expect(lost?.message).toContain('/spread')
  expect(lost?.message).toContain(id)
  expect(await store.stat('/spread')).toMatchObject({ size: 4 * MIB, lostBytes: 2 * MIB })
  const file = await store.lookup('/spread', 'file')
  const appended = pipeline([Buffer.from('more')], file.createWriteStream({ append: true }))
  expect(await codeOf(appended)).toBe('DATA_LOST')
  await expectClean(store, { lostBlocks: 4, lostBytes: 4 * MIB })
  expect(await store.delete('/goes')).toBe(true)
  await store.put('/spread', bytesOf(3, 4 * MIB))
  expect(await store.stat('/spread')).not.toHaveProperty('lostBytes')
  const fresh = await cluster.addServer('storage', disk)
  expect(await serverWhen(store, fresh.address, () => true)).toMatchObject({ state: 'live', used: 0 })
  await store.put('/again', bytesOf(4, 8 * MIB))
  expect((await serverWhen(store, fresh.address, () => true)).used).toBe(4)
  expect((await store.get('/spread')).equals(bytesOf(3, 4 * MIB))).toBe(true)
  expect((await store.get('/again')).equals(bytesOf(4, 8 * MIB))).toBe(true)
  await expectClean(store)
})

test('a server that was stopped and goes on revives what was not freed meanwhile', async () => {
  await using cluster = await LocalCluster.start({ ...options, storageServers: 1 })
  await using store = await StoreClient.connect(cluster.address)
  const server = cluster.servers[1]!
  await store.put('/stays', bytesOf(1, 3 * MIB))
  await store.put('/goes', bytesOf(2, 3 * MIB))
  await using stale = await (await store.lookup('/goes', 'file')).open()
  const piece = Buffer.alloc(100)
  await stale.read(0, piece)
  try {
    process.kill(server.pid!, 'SIGSTOP')
    await serverWhen(store, server.address, ({ state }) => state === 'dead')
    expect(await codeOf(store.get('/stays'))).toBe('DATA_LOST')
    await store.delete('/goes')
  } finally {
    process.kill(server.pid!, 'SIGCONT')
  }
  await serverWhen(store, server.address, ({ state }) => state === 'live')
  expect((await store.get('/stays')).equals(bytesOf(1, 3 * MIB))).toBe(true)
  expect(await store.stat('/stays')).not.toHaveProperty('lostBytes')
  await store.put('/new', bytesOf(3, 61 * MIB))
  expect(await codeOf(stale.read(0, piece))).toBe('BLOCK_GONE')
  expect((await store.get('/new')).equals(bytesOf(3, 61 * MIB))).toBe(true)
  await expectClean(store)
})

test('a writer goes on elsewhere where nothing of it was on the server that died', async () => {
  await using cluster = await LocalCluster.start({ ...options, storageServers: 2 })
  await using store = await StoreClient.connect(cluster.address)
  const file = await store.create('/f', 'file')
  const bytes = bytesOf(1, 12 * MIB)
  const writer = file.createWriteStream()
  // Its first blocks, one on each server, have been handed out.
  while ((await store.usage()).blocks < 2);
  await cluster.servers[1]!.kill()
  await pipeline([bytes], writer)
  expect((await store.get('/f')).equals(bytes)).toBe(true)
  const handle = await file.open({ write: true })
  await handle.write(20 * MIB, bytes.subarray(0, MIB))
  await handle.close()
  expect((await store.get('/f')).subarray(20 * MIB).equals(bytes.subarray(0, MIB))).toBe(true)
  expect(await store.stat('/f')).not.toHaveProperty('lostBytes')
  await expectClean(store)
})

test('a writer whose acknowledged bytes died hears of it at once, without writing anything more', async () => {
  await using cluster = await LocalCluster.start({ ...options, storageServers: 2 })
  await using store = await StoreClient.connect(cluster.address)
  const file = await store.create('/f', 'file')
  const writer = file.createWriteStream({ append: true })
  writer.write(bytesOf(1, 1000))
  await writer.sync()
  const other = await store.create('/g', 'file')
  await using handle = await other.open({ write: true })
  await handle.write(0, bytesOf(2, 4 * MIB))
  const failed = once(writer, 'error')
  for (const server of cluster.servers.slice(1)) await server.kill()
  expect((await failed)[0]).toMatchObject({ code: 'DATA_LOST', message: expect.stringContaining('/f') })
  // Until a server counts as dead, there is only no room for more.
  for (const server of cluster.servers.slice(1)) await serverWhen(store, server.address, ({ state }) => state === 'dead')
  expect(await codeOf(handle.write(4 * MIB, bytesOf(3, 1000)))).toBe('DATA_LOST')
  expect(await codeOf(handle.close())).toBe('DATA_LOST')
  const { findings } = await expectClean(store, { lostBlocks: 1, lostBytes: 1000 })
  expect(findings).toMatchObject([{ kind: 'lostData', path: '/f', bytes: 1000 }])
  await store.delete('/f')
  await expectClean(store)
})
