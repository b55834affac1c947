/** One cluster within this process for the tests of a file, and a client of it. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect } from 'vitest'
import { GliderError, type StoreClient as Store, StoreClient } from '../client/index.ts'
import { LocalCluster, type LocalClusterOptions } from '../cluster/index.ts'
import { expectClean } from './support/clean.ts'

export interface Fixture {
  readonly store: Store
  readonly cluster: LocalCluster
}

/** To be called once, at the top of a test file. */
export function withCluster(options: LocalClusterOptions = {}): Fixture {
  let store: Store
  let cluster: LocalCluster
  beforeAll(async () => {
    cluster = await LocalCluster.start({ inProcess: true, storageServers: 2, activeServers: 0, capacity: '96MiB', ...options })
    store = await StoreClient.connect(cluster.address)
  })
  afterAll(async () => {
    try {
      if (store) await expectClean(store)
    } finally {
      await store?.close()
      await cluster?.stop()
    }
  })
  return {
    get store() {
      return store
    },
    get cluster() {
      return cluster
    },
  }
}

/** Deletes everything, and checks that nothing is left of it anywhere. */
export async function expectNothingLeft({ store, cluster }: Fixture): Promise<void> {
  for await (const { path } of store.list('/')) await store.delete(path, { recursive: true })
  expect(await store.usage()).toMatchObject({ nodes: 0, storedBytes: 0, blocks: 0, slots: 0 })
  expect(await inlineBytes(cluster)).toBe(0)
}

export async function inlineBytes({ address }: LocalCluster): Promise<number> {
  const metrics = await (await fetch(`${address}/metrics`)).text()
  return Number(/^glider_inline_bytes (\S+)$/m.exec(metrics)?.[1])
}

export async function codeOf(run: Promise<unknown>): Promise<string> {
  return run.then(
    () => 'no error',
    (error: unknown) => (error instanceof GliderError ? error.code : String(error)),
  )
}

export async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export function someBytes(size: number): Buffer {
  return randomBytes(size)
}
