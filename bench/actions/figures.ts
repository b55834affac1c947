/** What `bench actions` measures. */
import { fileURLToPath } from 'node:url'
import type { ActionNode, FileNode, StoreClient } from '../../client/index.ts'
import type { EchoClient } from '../echo.ts'
import { pipelined } from '../pipelined.ts'
import type { Figure } from '../rounds.ts'
import { actionRead, actionWrite, fileRead, fileWrite } from '../store-figures.ts'
import { KeyValueLines } from './lines.ts'

const MIB = 1 << 20
export const FILE_BYTES = 64 * MIB
/** Of the streams that are opened, written and closed. */
const SMALL_BYTES = 100
const IN_FLIGHT = 64

/** Chunk sizes, and the share of a round's bytes that a figure moves at each: smaller ones take longer. */
export const sizes = [
  { name: '1MiB', bytes: MIB, share: 1 },
  { name: '64KiB', bytes: 64 << 10, share: 1 },
  { name: '1KiB', bytes: 1 << 10, share: 1 / 16 },
] as const

/** Nodes and objects that the figures use. */
export interface Stage {
  readonly store: StoreClient
  readonly echo: EchoClient
  readonly file: FileNode
  /** One per thread. */
  readonly drains: readonly ActionNode[]
  readonly keep: ActionNode
  readonly generate: ActionNode
  readonly merge: ActionNode
  readonly mergeText: ActionNode
}

export async function prepare(store: StoreClient, echo: EchoClient, threads: number): Promise<Stage> {
  await store.deploy(fileURLToPath(new URL('../bench-actions.js', import.meta.url)))
  const make = async (path: string, definition: string, params?: unknown): Promise<ActionNode> => {
    const node = await store.create(path, 'action')
    await node.create(definition, { ...(params !== undefined && { params }) })
    return node
  }
  const drains: ActionNode[] = []
  for (let thread = 0; thread < threads; thread++) drains.push(await make(`/drain-${thread}`, 'bench-actions/Drain'))
  return {
    store,
    echo,
    file: await store.create('/file', 'file'),
    drains,
    keep: await make('/keep', 'bench-actions/Keep'),
    generate: await make('/generate', 'bench-actions/Generate'),
    merge: await make('/merge', 'std/Merge'),
    mergeText: await make('/merge-text', 'bench-actions/MergeText'),
  }
}

/** Writes and reads at each chunk size, in MB/s: `write 1MiB file`, … */
export function transferFigures({ file, drains, keep, generate }: Stage, roundBytes: number): Figure[] {
  const [drain] = drains
  return sizes.flatMap(({ name, bytes, share }) => {
    const operations = Math.ceil((roundBytes * share) / bytes)
    const totalBytes = operations * bytes
    const figure = (what: string, work: () => Promise<void>): Figure => ({ name: what, amount: totalBytes / 1e6, work })
    const writeFile = async (): Promise<void> => {
      await using handle = await file.open({ write: true })
      await fileWrite(handle, bytes, FILE_BYTES, operations)
    }
    const readAction = async (isCopied: boolean): Promise<void> => {
      await generate.call('give', { bytes: totalBytes, pieceBytes: bytes, isCopied })
      await actionRead(generate, bytes, totalBytes)
    }
    return [
      figure(`write ${name} file`, writeFile),
      figure(`write ${name} action`, () => actionWrite(drain!, bytes, operations)),
      figure(`write ${name} owned`, () => actionWrite(keep, bytes, operations)),
      figure(`read ${name} file`, () => fileRead(file, bytes, FILE_BYTES, operations)),
      figure(`read ${name} action`, () => readAction(false)),
      figure(`read ${name} copied`, () => readAction(true)),
    ]
  })
}

/** So many actions written to at the same time, each on a thread of its own, in MB/s together. */
export function parallelFigures({ drains }: Stage, roundBytes: number): Figure[] {
  return [1, 2, 4].map(count => {
    const operations = Math.ceil(roundBytes / MIB / count)
    const work = async (): Promise<void> => {
      await Promise.all(drains.slice(0, count).map(drain => actionWrite(drain, MIB, operations)))
    }
    return { name: `parallel ${count}`, amount: (operations * count * MIB) / 1e6, work }
  })
}

/** Small streams, and requests that do nothing, per second with 64 in flight. */
export function smallFigures({ drains, echo }: Stage, streams: number): Figure[] {
  const bytes = Buffer.alloc(SMALL_BYTES, 7)
  const [drain] = drains
  const openClose = (): Promise<void> =>
    new Promise((resolve, reject) => {
      drain!.createWriteStream().on('error', reject).end(bytes, resolve)
    })
  return [
    { name: 'openClose', amount: streams, work: () => pipelined(streams, IN_FLIGHT, openClose) },
    { name: 'echo', amount: streams, work: () => pipelined(streams, IN_FLIGHT, index => echo.echo(`/${index}`)) },
  ]
}

/** Lines summed up by key, in MB/s. */
export function mergeFigures({ merge, mergeText }: Stage, roundBytes: number): Figure[] {
  const lines = new KeyValueLines(roundBytes)
  const amount = lines.bytes / 1e6
  return [
    { name: 'merge', amount, work: () => lines.writeTo(merge) },
    { name: 'mergeText', amount, work: () => lines.writeTo(mergeText) },
    { name: 'mergeBaseline', amount, work: () => lines.mergeHere() },
  ]
}
