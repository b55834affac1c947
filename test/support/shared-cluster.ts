import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type ActionNode, StoreClient } from 'glider'
import { LocalCluster, type LocalClusterOptions } from 'glider/cluster'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectClean } from './clean.ts'

type ActionNodeOptions = Parameters<ActionNode['create']>[1]

/** What a test file needs of its one cluster. */
export interface Shared {
  readonly cluster: LocalCluster
  readonly store: StoreClient
  /** A client of its own, closed when the file ends. */
  connect(address?: string): Promise<StoreClient>
  /** An action of its own for as long as `work` takes. */
  withAction(definition: string, options: ActionNodeOptions, work: (node: ActionNode) => Promise<void>): Promise<void>
  /** Deploys files of test/fixtures from a folder outside of the package. */
  deployFixtures(name: string): Promise<void>
}

const fixtures = path.join(import.meta.dirname, '..', '..', '..', 'test', 'fixtures')

/** A folder outside of the package, for one use. */
export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const folder = await mkdtemp(path.join(tmpdir(), 'glider-test-'))
  return { path: folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
}

/** One cluster for a test file, stopped at its end. */
export function shareCluster(options: LocalClusterOptions = {}): Shared {
  let cluster: LocalCluster | undefined
  const clients: StoreClient[] = []
  let actions = 0
  const shared = {
    get cluster() {
      return cluster!
    },
    get store() {
      return clients[0]!
    },
    async connect(address = cluster!.address) {
      const store = await StoreClient.connect(address)
      clients.push(store)
      return store
    },
    async withAction(definition: string, options: ActionNodeOptions, work: (node: ActionNode) => Promise<void>) {
      const node = await makeAction(shared.store, `/a${actions++}-own`, definition, options)
      try {
        await work(node)
      } finally {
        await shared.store.delete(node.path, { recursive: true })
      }
    },
    async deployFixtures(name: string) {
      await using folder = await temporaryFolder()
      await cp(path.join(fixtures, `${name}.ts`), path.join(folder.path, `${name}.ts`))
      await clients[0]!.deploy(path.join(folder.path, `${name}.ts`))
    },
  }
  beforeAll(async () => {
    cluster = await LocalCluster.start({ inProcess: true, logLevel: 'silent', ...options })
    await shared.connect()
  })
  afterAll(async () => {
    try {
      if (clients[0]) await expectClean(clients[0])
    } finally {
      for (const store of clients) await store.close()
      await cluster?.stop()
    }
  })
  return shared
}

/** The last test of a file: once all nodes are deleted, every block and slot is free, as at the start. */
export function itLeavesNothing(shared: Shared, sweep: (store: StoreClient) => Promise<void> = deleteAll): void {
  it('leaves every block and slot free', async () => {
    await sweep(shared.store)
    for (const { state, capacity, free } of await shared.store.servers()) if (state === 'live') expect(free).toBe(capacity)
    expect(await shared.store.usage()).toMatchObject({ nodes: 0, storedBytes: 0, blocks: 0, slots: 0 })
  })
}

export async function deleteAll(store: StoreClient): Promise<void> {
  for await (const { path: child } of store.list('/')) await store.delete(child, { recursive: true })
}

/** Free blocks and slots of the whole cluster, as the metadata server counts them. */
export async function freeSpace(store: StoreClient): Promise<{ blocks: number; slots: number }> {
  const space = { blocks: 0, slots: 0 }
  for (const { role, free } of await store.servers()) space[role === 'storage' ? 'blocks' : 'slots'] += free
  return space
}

/** An action node with its object. */
export async function makeAction(
  store: StoreClient,
  at: string,
  definition: string,
  options: ActionNodeOptions = {},
): Promise<ActionNode> {
  const node = await store.create(at, 'action', { parents: true })
  await node.create(definition, options)
  return node
}

/** Writes a source to a temporary folder and deploys it from there. */
export async function deploySource(store: StoreClient, name: string, source: string): ReturnType<StoreClient['deploy']> {
  await using folder = await temporaryFolder()
  const file = path.join(folder.path, name)
  await writeFile(file, source)
  return await store.deploy(file)
}
