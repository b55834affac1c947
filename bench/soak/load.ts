/** A steady mix of what programs do, at a rate of its own, and how long each takes. */
import type { ActionNode, BagNode, FileNode, StoreClient, TableNode } from '../../client/index.ts'

const KIB = 1 << 10
const SMALL = Buffer.alloc(4 * KIB, 'v')
const LARGE = Buffer.alloc(512 * KIB, 7)
const LINES = Buffer.from('key,1\nother,2\n'.repeat(500))
/** What one worker rests between two operations. */
const REST_MS = 40
const NAMES = 200

interface Stage {
  readonly table: TableNode
  readonly file: FileNode
  readonly bag: BagNode
  readonly merge: ActionNode
}

/** One worker's own nodes, so that no two wait for each other. */
async function stageOf(store: StoreClient, worker: number): Promise<Stage> {
  const base = `/soak/${worker}`
  const merge = await store.create(`${base}/merge`, 'action', { parents: true })
  await merge.create('std/Merge')
  return {
    table: await store.create(`${base}/table`, 'table', { parents: true }),
    file: await store.create(`${base}/file`, 'file', { parents: true }),
    bag: await store.create(`${base}/bag`, 'bag', { parents: true }),
    merge,
  }
}

async function written(stream: NodeJS.WritableStream, bytes: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stream.on('error', reject)
    stream.end(bytes, () => resolve())
  })
}

async function drained(stream: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0
  for await (const chunk of stream) bytes += chunk.length
  return bytes
}

async function operate(store: StoreClient, { table, file, bag, merge }: Stage, worker: number, turn: number): Promise<void> {
  const name = `k${turn % NAMES}`
  switch (turn % 8) {
    case 0:
      return table.put(name, SMALL)
    case 1:
      if ((await table.get(`k${(turn - 1) % NAMES}`)).length !== SMALL.length) throw new Error('a value came back short')
      return
    case 2:
      return written(file.createWriteStream(), LARGE)
    case 3:
      if ((await drained(file.createReadStream())) !== LARGE.length) throw new Error('a file came back short')
      return
    case 4:
      return written(merge.createWriteStream(), LINES)
    case 5:
      await drained(merge.createReadStream())
      return
    case 6: {
      const path = `/soak/${worker}/${name}`
      await store.create(path, 'file')
      await store.rename(path, `${path}-renamed`)
      await store.delete(`${path}-renamed`)
      return
    }
    default:
      await written(bag.append(), SMALL)
      if (turn % 800 < 8) await store.create(bag.path, 'bag', { ifExists: 'replace' })
  }
}

/** Runs until `signal`, and tells each latency in milliseconds. */
export async function work(
  store: StoreClient,
  worker: number,
  signal: AbortSignal,
  took: (milliseconds: number) => void,
): Promise<void> {
  let stage = await stageOf(store, worker)
  for (let turn = 0; !signal.aborted; turn++) {
    const start = performance.now()
    await operate(store, stage, worker, turn)
    took(performance.now() - start)
    if (turn % 800 === 7) stage = { ...stage, bag: await store.lookup(`/soak/${worker}/bag`, 'bag') }
    await new Promise(resolve => setTimeout(resolve, REST_MS))
  }
}
