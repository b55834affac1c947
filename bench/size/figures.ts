/** What `bench size` measures: one file and one action, both ways, at each size of operation. */
import { fileURLToPath } from 'node:url'
import type { ActionNode, FileNode, StoreClient } from '../../client/index.ts'
import { pipelined } from '../pipelined.ts'
import type { Figure } from '../rounds.ts'
import { actionWrite, fileRead, fileWrite } from '../store-figures.ts'
import { type Direction, directions, type Kind, kinds } from './kinds.ts'
import { actionReadWhole, batchesFor } from './operations.ts'

/** No figure needs more operations than this to be told from another. */
const MOST_OPERATIONS = 64 << 10

export interface Stage {
  readonly file: FileNode
  readonly fileBytes: number
  /** Takes what is written. */
  readonly drain: ActionNode
  /** Gives what is read. */
  readonly generate: ActionNode
}

/** One figure but for the operations under way. */
export interface Point {
  readonly name: string
  readonly direction: Direction
  readonly kind: Kind
  readonly opBytes: number
  readonly batches: readonly number[]
  figure(batch: number, share?: number): Figure
}

export async function prepare(store: StoreClient, fileBytes: number): Promise<Stage> {
  await store.deploy(fileURLToPath(new URL('../bench-actions.js', import.meta.url)))
  const drain = await store.create('/drain', 'action')
  await drain.create('bench-actions/Drain')
  const generate = await store.create('/generate', 'action')
  await generate.create('bench-actions/Generate')
  const file = await store.create('/file', 'file')
  await touch(file, fileBytes)
  return { file, fileBytes, drain, generate }
}

/** Memory is slow until it has been touched. */
export async function touch(file: FileNode, fileBytes: number): Promise<void> {
  await using handle = await file.open({ write: true })
  const piece = Buffer.alloc(Math.min(1 << 20, fileBytes), 7)
  await pipelined(Math.ceil(fileBytes / piece.length), 8, index => handle.write(index * piece.length, piece))
}

export function pointName(direction: Direction, kind: Kind, opBytes: number): string {
  return `${direction} ${sizeName(opBytes)} ${kind}`
}

export function sizeName(bytes: number): string {
  return bytes >= 1 << 20 ? `${bytes / (1 << 20)}MiB` : `${bytes / (1 << 10)}KiB`
}

/** All of them, those that are to be compared beside each other. */
export function pointsOf(stage: Stage, opSizes: readonly number[], roundBytes: number): Point[] {
  return opSizes.flatMap(opBytes =>
    directions.flatMap(direction =>
      kinds.map(kind => ({
        name: pointName(direction, kind, opBytes),
        direction,
        kind,
        opBytes,
        batches: batchesFor(direction, kind, opBytes),
        figure: (batch, share = 1) => {
          const operations = Math.ceil(Math.min(roundBytes / opBytes, MOST_OPERATIONS) * share)
          return {
            name: pointName(direction, kind, opBytes),
            amount: (operations * opBytes) / 1e6,
            work: () => works[direction][kind](stage, opBytes, operations, batch),
          }
        },
      })),
    ),
  )
}

type Work = (stage: Stage, opBytes: number, operations: number, batch: number) => Promise<void>

export const works: Readonly<Record<Direction, Readonly<Record<Kind, Work>>>> = {
  write: {
    async file({ file, fileBytes }, opBytes, operations, batch) {
      await using handle = await file.open({ write: true })
      await fileWrite(handle, opBytes, fileBytes, operations, batch)
    },
    action: ({ drain }, opBytes, operations, batch) => actionWrite(drain, opBytes, operations, batch),
  },
  read: {
    file: ({ file, fileBytes }, opBytes, operations, batch) => fileRead(file, opBytes, fileBytes, operations, batch),
    async action({ generate }, opBytes, operations, batch) {
      const bytes = operations * opBytes
      await generate.call('give', { bytes, pieceBytes: opBytes })
      await actionReadWhole(generate, opBytes, bytes, batch)
    },
  },
}
