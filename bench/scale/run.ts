import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { StoreClient } from '../../client/index.ts'
import { LocalCluster } from '../../cluster/index.ts'
import { type Outcome, type Progress, samplesOf } from '../experiment.ts'
import { type Figure, interleaved, medians } from '../rounds.ts'
import { type Direction, directions, type Kind, kinds } from '../size/kinds.ts'
import { ClientProcess } from './client-process.ts'

const MIB = 1 << 20

export interface ScaleOptions {
  readonly rounds: number
  /** What all clients together move in a round. */
  readonly roundBytes: number
  /** Of each client's file. */
  readonly fileBytes: number
  readonly opBytes: number
  /** Operations under way, of each client. */
  readonly batch: number
  /** How many at the same time: the points of the curves. */
  readonly clients: readonly number[]
  /** Action threads. */
  readonly threads: number
  readonly inProcess?: boolean
}

export const defaults: ScaleOptions = {
  rounds: 5,
  roundBytes: 1024 * MIB,
  fileBytes: 64 * MIB,
  opBytes: MIB,
  batch: 4,
  clients: [1, 2, 3, 4, 5, 6, 7, 8],
  threads: Math.min(8, availableParallelism()),
}

/** MB/s of all together, by the number of clients. */
type Curve = Readonly<Record<number, number>>
export type ScaleFigures = Readonly<Record<Direction, Readonly<Record<Kind, Curve>>>>

export async function runScale(options: ScaleOptions, progress: Progress): Promise<Outcome<ScaleFigures>> {
  const { rounds, roundBytes, fileBytes, opBytes, batch, clients: counts, threads, inProcess = false } = options
  const most = Math.max(...counts)
  await using cluster = await LocalCluster.start({ capacity: most * fileBytes, threads, inProcess })
  await using store = await StoreClient.connect(cluster.address)
  await store.deploy(fileURLToPath(new URL('../bench-actions.js', import.meta.url)))
  const clients: ClientProcess[] = []
  try {
    for (let client = 0; client < most; client++) {
      progress(`starting clients: ${client + 1} of ${most}`)
      clients.push(await ClientProcess.start({ address: cluster.address, client, fileBytes, opBytes, batch }))
    }
    const results = await interleaved(figuresOf(clients, counts, roundBytes / opBytes), rounds, progress)
    const speeds = medians(results)
    const curve = (direction: Direction, kind: Kind): Curve =>
      Object.fromEntries(counts.map(count => [count, Math.round(speeds[nameOf(direction, count, kind)]!)]))
    const curves = (direction: Direction): Record<Kind, Curve> => ({
      file: curve(direction, 'file'),
      action: curve(direction, 'action'),
    })
    const [write, read] = directions
    return { rounds: samplesOf(results, 'MB/s'), figures: { write: curves(write), read: curves(read) } }
  } finally {
    await Promise.all(clients.map(client => client.stop()))
  }

  function figuresOf(all: readonly ClientProcess[], numbers: readonly number[], operations: number): Figure[] {
    return numbers.flatMap(count =>
      directions.flatMap(direction =>
        kinds.map(kind => {
          const each = Math.ceil(operations / count)
          return {
            name: nameOf(direction, count, kind),
            amount: (each * count * opBytes) / 1e6,
            async work() {
              await Promise.all(all.slice(0, count).map(client => client.run({ direction, kind, operations: each })))
            },
          }
        }),
      ),
    )
  }
}

function nameOf(direction: Direction, clients: number, kind: Kind): string {
  return `${direction} ${clients} ${kind}`
}
