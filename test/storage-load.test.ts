import path from 'node:path'
import { expect, test } from 'vitest'
import { GliderError, StoreClient } from '../client/index.ts'
import { LocalCluster } from '../cluster/index.ts'
import { bytesOf, codeOf, MIB, serverWhen, TempFolder } from './storage.test.helper.ts'
import { expectClean } from './support/clean.ts'

/** Writes, reads and deletes files, and counts what happens; bytes that are not its own are a failure. */
class Worker {
  readonly #store: StoreClient
  readonly #number: number
  readonly #kept = new Map<string, { seed: number; size: number }>()
  #seed: number
  files = 0
  lost = 0

  constructor(store: StoreClient, number: number) {
    this.#store = store
    this.#number = number
    this.#seed = number * 1_000_000
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const slot = this.#seed % 6
      const name = `/w${this.#number}-${slot}`
      if (slot === 5) await this.check()
      const seed = ++this.#seed
      const size = 100_000 + ((seed * 7919) % (2 * MIB))
      this.#kept.delete(name)
      try {
        await this.#store.put(name, bytesOf(seed, size))
        this.#kept.set(name, { seed, size })
        this.files++
      } catch (error) {
        this.#allow(error)
      }
    }
  }

  /** Every file is what was written, or lost with its server. */
  async check(): Promise<void> {
    for (const [name, { seed, size }] of this.#kept) {
      try {
        const bytes = await this.#store.get(name)
        if (!bytes.equals(bytesOf(seed, size))) throw new Error(`${name} is not what was written`)
      } catch (error) {
        this.#allow(error)
        this.#kept.delete(name)
        expect(await this.#store.delete(name)).toBe(true)
      }
    }
  }

  #allow(error: unknown): void {
    if (!(error instanceof GliderError) || error.code !== 'DATA_LOST') throw error
    this.lost++
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('servers join, drain, leave, die and come back under load, and every byte is right or known to be lost', async () => {
  await using folder = await TempFolder.make()
  const disk = { kind: 'disk', dataDir: path.join(folder.path, 'data'), storageClass: 'dram' } as const
  await using cluster = await LocalCluster.start({
    activeServers: 0,
    capacity: '48MiB',
    blockSize: '256KiB',
    deadAfter: '2500ms',
    storageServers: [{}, {}],
  })
  await using store = await StoreClient.connect(cluster.address)
  const load = { over: false }
  const workers = Array.from({ length: 4 }, (_, i) => new Worker(store, i))
  const running = Promise.all(workers.map(worker => worker.run(() => load.over)))
  // Where one of them fails, that is told at the end.
  running.catch(() => {
    load.over = true
  })
  const progress = async (files: number): Promise<void> => {
    const wanted = workers.map(worker => worker.files + files)
    while (!load.over && workers.some((worker, i) => worker.files < wanted[i]!)) await store.exists('/')
  }

  await progress(8)
  const joined = await cluster.addServer('storage', disk)
  await serverWhen(store, joined.address, ({ used }) => used > 0 || load.over)
  await progress(5)

  const [, draining, dying] = cluster.servers
  const { id } = await serverWhen(store, draining!.address, () => true)
  expect(await codeOf(store.removeServer(id))).toBe('NOT_EMPTY')
  expect(await store.drainServer(id, { wait: true })).toMatchObject({ id, used: 0 })
  await store.removeServer(id)
  // It is of no use any more, and knows it.
  while (isAlive(draining!.pid!)) await store.exists('/')
  expect((await store.servers()).map(server => server.id)).not.toContain(id)
  expect(workers.map(({ lost }) => lost)).toEqual([0, 0, 0, 0])

  // In the midst of it, too: what is being written and freed is as it should be.
  for (let i = 0; i < 20; i++) await expectClean(store)
  await dying!.kill()
  await cluster.addServer('storage')
  await progress(10)
  await joined.kill()
  const back = await cluster.addServer('storage', disk)
  await serverWhen(store, back.address, ({ used }) => used > 0 || load.over)
  await progress(10)
  load.over = true
  await running
  for (const worker of workers) await worker.check()
  expect(workers.some(({ lost }) => lost > 0)).toBe(true)

  await expectClean(store)
  for await (const { path: file } of store.list('/')) await store.delete(file)
  expect(await store.usage()).toMatchObject({ nodes: 0, storedBytes: 0, blocks: 0 })
  await expectClean(store)
})
