/** What streams that wait, are discarded or never end cost the server: a process of its own, whose memory the system tells. */
import { readFile } from 'node:fs/promises'
import { StoreClient } from 'glider'
import { LocalCluster } from 'glider/cluster'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectClean } from './support/clean.ts'
import { deploySource, makeAction } from './support/shared-cluster.ts'

const MiB = 1 << 20
const CREDIT_BYTES = 64 << 10

const source = `import { Action, type ActionInput, type ActionOutput } from 'glider/action'
export class Door extends Action {
  static calls = ['lengths']
  #lengths: number[] = []
  lengths() { return this.#lengths }
  async onWrite(input: ActionInput) {
    if (this.params === 'early') return
    const door = this.params === null ? undefined : await this.store.lookup(this.params as string, 'action')
    if (door && this.#lengths.length === 0) await door.call('wait')
    let length = 0
    await input.forEachChunk(chunk => { length += chunk.length })
    this.#lengths.push(length)
  }
  async onRead(output: ActionOutput) {
    const chunk = Buffer.alloc(64 << 10)
    for (;;) await output.write(chunk)
  }
}
export class Latch extends Action {
  static calls = ['open', 'wait', 'waiting']
  #open!: () => void
  #arrive!: () => void
  #opened = new Promise<void>(resolve => { this.#open = resolve })
  #arrived = new Promise<void>(resolve => { this.#arrive = resolve })
  open() { this.#open() }
  async wait() { this.#arrive(); await this.#opened }
  waiting() { return this.#arrived }
}
`

let cluster: LocalCluster
let store: StoreClient

beforeAll(async () => {
  cluster = await LocalCluster.start({ storageServers: 0, slots: 8, threads: 1, logLevel: 'silent' })
  store = await StoreClient.connect(cluster.address)
  await deploySource(store, 'doors.ts', source)
})

afterAll(async () => {
  try {
    for await (const { path } of store.list('/')) await store.delete(path, { recursive: true })
    await expectClean(store)
  } finally {
    await store.close()
    await cluster.stop()
  }
})

/** Of the active server. */
async function residentBytes(): Promise<number> {
  const [, active] = cluster.servers
  const status = await readFile(`/proc/${active!.pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024
}

it('a thousand waiting streams cost credit and nothing more', { timeout: 120_000 }, async () => {
  const STREAMS = 1000
  const BYTES = MiB
  const latch = await makeAction(store, '/latch', 'doors/Latch', { interleaved: true })
  const node = await makeAction(store, '/door', 'doors/Door', { params: latch.path })
  const writers = [await node.openWriter()]
  const closing = [writers[0]!.close()]
  await latch.call('waiting')
  const before = await residentBytes()
  for (let i = 1; i <= STREAMS; i++) writers.push(await node.openWriter())
  let taken = 0
  const piece = Buffer.alloc(CREDIT_BYTES / 4, 'w')
  const waiting = writers.slice(1)
  const writes = waiting.map(async writer => {
    const all = Array.from({ length: BYTES / piece.length }, () => writer.write(piece).then(() => taken++))
    await Promise.all(all)
    await writer.close()
  })
  // Each has sent its credit, and has it acknowledged. What is asked for after that is answered after that.
  while (taken < (STREAMS * CREDIT_BYTES) / piece.length) await store.stat(node.path)
  for (let i = 0; i < 10; i++) await latch.call('waiting')
  const during = await residentBytes()
  expect(taken * piece.length).toBe(STREAMS * CREDIT_BYTES)
  expect(during - before).toBeLessThan(2 * STREAMS * CREDIT_BYTES)
  await latch.call('open')
  await Promise.all([...closing, ...writes])
  expect(await node.call('lengths')).toEqual([0, ...Array<number>(STREAMS).fill(BYTES)])
})

it('an early return lets its writer finish, and what is discarded does not pile up', { timeout: 120_000 }, async () => {
  const node = await makeAction(store, '/early', 'doors/Door', { params: 'early' })
  const piece = Buffer.alloc(MiB, 'd')
  const write = async (pieces: number): Promise<void> => {
    await using writer = await node.openWriter()
    for (let i = 0; i < pieces; i++) await writer.write(piece)
    await writer.close()
  }
  await write(64)
  const before = await residentBytes()
  await write(512)
  const after = await residentBytes()
  expect(after - before).toBeLessThan(64 * MiB)
})

it('an endless read goes on at constant memory', { timeout: 120_000 }, async () => {
  const node = await makeAction(store, '/endless', 'doors/Door')
  const reader = await node.openReader()
  const buffer = Buffer.alloc(MiB)
  const read = async (bytes: number): Promise<void> => {
    for (let got = 0; got < bytes; ) got += await reader.read(buffer)
  }
  await read(64 * MiB)
  const before = await residentBytes()
  await read(1024 * MiB)
  // A reader that has stopped reading costs no more than one that reads.
  for (let i = 0; i < 10; i++) await store.stat(node.path)
  const after = await residentBytes()
  expect(after - before).toBeLessThan(64 * MiB)
  await reader.close()
})
