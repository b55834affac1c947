/** The metadata server is killed again and again in the middle of a write load; nothing that was acknowledged may be missing. */

import { spawn } from 'node:child_process'
import { createHash, randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { type ActionNode, type GliderError, StoreClient } from 'glider'
import { LocalCluster } from 'glider/cluster'
import { expect, it } from 'vitest'
import { catalogue } from '../protocol/catalogue.ts'
import { expectClean } from './support/clean.ts'
import { Proxy } from './support/proxy.system.ts'
import { temporaryFolder } from './support/shared-cluster.ts'
import { bytesOf, textOf, writeAll } from './support/streams.ts'

const RESTARTS = 50
const WORKERS = 3
const KIB = 1 << 10

/** What a worker has been told of its own directory: each operation was acknowledged before the next one began. */
class Worker {
  readonly root: string
  readonly #store: StoreClient
  readonly #proxy: Proxy
  readonly #files = new Map<string, Buffer>()
  readonly #values = new Map<string, Buffer>()
  readonly #parts: Buffer[] = []
  readonly #lost: Promise<void>[] = []
  #stopped = false
  readonly #progress: (() => void)[] = []

  constructor(root: string, store: StoreClient, proxy: Proxy) {
    this.root = root
    this.#store = store
    this.#proxy = proxy
  }

  /** Resolves when the operation that is under way is done. */
  progress(): Promise<void> {
    return new Promise(resolve => this.#progress.push(resolve))
  }

  stop(): void {
    this.#stopped = true
  }

  async run(): Promise<void> {
    const { root } = this
    await this.#store.create(root, 'directory')
    await this.#store.create(`${root}/table`, 'table')
    await this.#store.create(`${root}/bag`, 'bag')
    const steps: ((turn: number) => Promise<void>)[] = [
      turn => this.#put(turn),
      turn => this.#stream(turn),
      () => this.#append(),
      turn => this.#rename(turn),
      () => this.#remove(),
      turn => this.#value(turn),
      () => this.#part(),
      () => this.#replace(),
    ]
    for (let turn = 0; !this.#stopped; turn += 1) {
      await steps[turn % steps.length]!(turn)
      for (const tell of this.#progress.splice(0)) tell()
    }
  }

  async #put(turn: number): Promise<void> {
    await this.#write(`put-${turn}`, randomBytes(randomInt(1, 3 * KIB)))
    await this.#write(`large-${turn}`, randomBytes(randomInt(5 * KIB, 200 * KIB)))
  }

  async #write(name: string, bytes: Buffer): Promise<void> {
    await this.#store.put(`${this.root}/${name}`, bytes)
    this.#files.set(name, bytes)
  }

  /** Created with its answer lost on the way, and written by a stream over several blocks. */
  async #stream(turn: number): Promise<void> {
    const name = `stream-${turn}`
    this.#lose(catalogue.create.code)
    const file = await this.#store.create(`${this.root}/${name}`, 'file')
    const pieces = Array.from({ length: 12 }, () => randomBytes(randomInt(1, 40 * KIB)))
    await writeAll(file.createWriteStream(), ...pieces)
    this.#files.set(name, Buffer.concat(pieces))
  }

  async #append(): Promise<void> {
    const name = 'log'
    const file = await this.#store.create(`${this.root}/${name}`, 'file', { ifExists: 'open' })
    const piece = randomBytes(randomInt(1, 30 * KIB))
    await writeAll(file.createWriteStream({ append: true }), piece)
    this.#files.set(name, Buffer.concat([this.#files.get(name) ?? Buffer.alloc(0), piece]))
  }

  async #rename(turn: number): Promise<void> {
    const [from] = this.#files.keys()
    if (from === undefined) return
    const to = `renamed-${turn}`
    this.#lose(catalogue.rename.code)
    await this.#store.rename(`${this.root}/${from}`, `${this.root}/${to}`)
    this.#files.set(to, this.#files.get(from)!)
    this.#files.delete(from)
  }

  async #remove(): Promise<void> {
    if (this.#files.size < 20) return
    const [name] = this.#files.keys()
    expect(await this.#store.delete(`${this.root}/${name}`)).toBe(true)
    this.#files.delete(name!)
  }

  async #value(turn: number): Promise<void> {
    const key = `key-${turn % 7}`
    const bytes = randomBytes(randomInt(0, 9 * KIB))
    await this.#store.put(`${this.root}/table/${key}`, bytes)
    this.#values.set(key, bytes)
  }

  async #part(): Promise<void> {
    const bag = await this.#store.lookup(`${this.root}/bag`, 'bag')
    const bytes = randomBytes(64)
    await writeAll(bag.append(), bytes)
    this.#parts.push(bytes)
  }

  async #replace(): Promise<void> {
    const names = [...this.#files.keys()]
    const name = names[randomInt(names.length)]
    if (name !== undefined) await this.#write(name, randomBytes(randomInt(0, 100 * KIB)))
  }

  /** The answer to the next such operation does not arrive. */
  #lose(operation: number): void {
    this.#lost.push(this.#proxy.loseAnswer(operation))
  }

  async verify(store: StoreClient): Promise<void> {
    const { root } = this
    const names = await namesOf(store.list(root))
    expect(names).toEqual([...this.#files.keys(), 'bag', 'table'].sort())
    for (const [name, bytes] of this.#files)
      expect([name, digest(await store.get(`${root}/${name}`))]).toEqual([name, digest(bytes)])
    expect(await namesOf(store.list(`${root}/table`))).toEqual([...this.#values.keys()].sort())
    for (const [key, bytes] of this.#values) {
      expect([key, digest(await store.get(`${root}/table/${key}`))]).toEqual([key, digest(bytes)])
    }
    const bag = await store.lookup(`${root}/bag`, 'bag')
    expect(piecesOf(await bytesOf(bag.createReadStream()))).toEqual(piecesOf(Buffer.concat(this.#parts)))
  }
}

it(`finds everything that was acknowledged after each of ${RESTARTS} deaths of the metadata server`, {
  timeout: 90_000,
}, async () => {
  await using folder = await temporaryFolder()
  const sizes = { capacity: '64MiB', blockSize: '32KiB', slots: 4, threads: 1, logLevel: 'silent' } as const
  await using cluster = await LocalCluster.start({ stateDir: `${folder.path}/state`, storageServers: 2, ...sizes })
  await using store = await StoreClient.connect(cluster.address)
  const merge = await store.create('/merge', 'action')
  await merge.create('std/Merge')
  await store.create('/leased', 'file', { ttlMs: 60_000 })
  const proxies: Proxy[] = []
  const stores: StoreClient[] = []
  const workers: Worker[] = []
  try {
    for (let number = 0; number < WORKERS; number += 1) {
      const proxy = await Proxy.start(cluster.address)
      const own = await StoreClient.connect(`http://${proxy.address}`)
      proxies.push(proxy)
      stores.push(own)
      workers.push(new Worker(`/worker-${number}`, own, proxy))
    }
    const running = Promise.all(workers.map(worker => worker.run()))
    let counted = 0n
    for (let restart = 1; restart <= RESTARTS; restart += 1) {
      await cluster.restartMetadataServer({ kill: true })
      counted += await addTo(merge, restart)
      // Each life takes part in the load: something is done in it, and it ends in the middle of the next.
      await Promise.race([running, ...workers.map(worker => worker.progress())])
    }
    for (const worker of workers) worker.stop()
    await running
    for (const worker of workers) await worker.verify(store)
    expect(await textOf(merge.createReadStream())).toBe(`sum,${counted}\n`)
    expect(await store.exists('/leased')).toBe(true)
  } finally {
    for (const own of stores) await own.close()
    for (const proxy of proxies) await proxy[Symbol.asyncDispose]()
  }
  await expectClean(store)
  for await (const { path } of store.list('/')) await store.delete(path, { recursive: true })
  await expectClean(store)
  expect(await store.usage()).toMatchObject({ nodes: 0, storedBytes: 0, blocks: 0, slots: 0 })
})

it('lets writers go on after an orderly restart, as after a death', async () => {
  await using folder = await temporaryFolder()
  await using cluster = await LocalCluster.start({ stateDir: `${folder.path}/state`, inProcess: true, activeServers: 0 })
  await using store = await StoreClient.connect(cluster.address)
  const file = await store.create('/file', 'file')
  const handle = await file.open({ write: true })
  await handle.write(0, Buffer.from('before '))
  await cluster.restartMetadataServer()
  await handle.write(7, Buffer.from('and after'))
  await handle.close()
  expect((await store.get('/file')).toString()).toBe('before and after')
})

it('keeps a process alive that waits for the server and has nothing else', async () => {
  await using folder = await temporaryFolder()
  const servers = { storageServers: 0, activeServers: 0, logLevel: 'silent' } as const
  await using cluster = await LocalCluster.start({ stateDir: `${folder.path}/state`, ...servers })
  const program = path.join(import.meta.dirname, 'lone-client.test.helper.js')
  const child = spawn(process.execPath, [program, cluster.address], { stdio: ['ignore', 'pipe', 'inherit'] })
  const output = child.stdout.setEncoding('utf8')
  const exited = once(child, 'exit')
  const [first] = (await once(output, 'data')) as [string]
  const said = output.toArray()
  await cluster.restartMetadataServer({ kill: true })
  await using store = await StoreClient.connect(cluster.address)
  await store.put('/back', 'yes')
  expect([first + (await said).join(''), await exited]).toEqual(['first\ndone 6\n', [0, null]])
})

it('writes nothing to disk without a state directory', async () => {
  await using folder = await temporaryFolder()
  const before = process.cwd()
  process.chdir(folder.path)
  try {
    await using cluster = await LocalCluster.start({ inProcess: true, activeServers: 0 })
    await using store = await StoreClient.connect(cluster.address)
    await store.put('/file', 'bytes')
    expect(await readdir(folder.path)).toEqual([])
  } finally {
    process.chdir(before)
  }
})

/** One line of the action's stream. Streams are never repeated, so this tells whether it has counted. */
async function addTo(merge: ActionNode, value: number): Promise<bigint> {
  try {
    await writeAll(merge.createWriteStream(), `sum,${value}\n`)
    return BigInt(value)
  } catch (error) {
    expect((error as GliderError).code).toBe('UNAVAILABLE')
    return 0n
  }
}

async function namesOf(entries: AsyncIterable<{ readonly name: string }>): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of entries) names.push(name)
  return names.sort()
}

function piecesOf(bytes: Buffer): string[] {
  return Array.from({ length: bytes.length / 64 }, (_, at) => bytes.subarray(at * 64, at * 64 + 64).toString('hex')).sort()
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
