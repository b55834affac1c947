import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { StoreClient } from '../../client/index.ts'
import { LocalCluster } from '../../cluster/index.ts'
import { type Outcome, type Progress, type RawRounds, samplesOf } from '../experiment.ts'
import { processCpuSeconds } from '../process-cpu.ts'
import { type Figure, interleaved, median } from '../rounds.ts'
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

/** By the number of clients. */
type Curve = Readonly<Record<number, number>>
type Curves = Readonly<Record<Direction, Readonly<Record<Kind, Curve>>>>

/** MB/s of all clients together, and what that took of all processes: empty curves where the system does not tell. */
export interface ScaleFigures extends Curves {
  readonly cpuSecondsPerGB: Curves
}

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
    const servers = cluster.servers.map(({ pid }) => pid ?? process.pid)
    const cpu = new CpuRounds([...new Set([...servers, ...clients.map(({ pid }) => pid)])])
    const figures = figuresOf(clients, counts, opBytes, roundBytes / opBytes)
    const speeds = samplesOf(
      await interleaved(
        figures.map(figure => cpu.watch(figure)),
        rounds,
        progress,
      ),
      'MB/s',
    )
    const curves = (samples: RawRounds, digits: number): Curves => curvesOf(samples, counts, digits)
    return {
      rounds: { ...speeds, ...Object.fromEntries(Object.entries(cpu.samples).map(([name, one]) => [`${name} CPU`, one])) },
      figures: { ...curves(speeds, 0), cpuSecondsPerGB: curves(cpu.samples, 3) },
    }
  } finally {
    await Promise.all(clients.map(client => client.stop()))
  }
}

function figuresOf(clients: readonly ClientProcess[], counts: readonly number[], opBytes: number, operations: number): Figure[] {
  return counts.flatMap(count =>
    directions.flatMap(direction =>
      kinds.map(kind => {
        const each = Math.ceil(operations / count)
        return {
          name: nameOf(direction, count, kind),
          amount: (each * count * opBytes) / 1e6,
          async work() {
            await Promise.all(clients.slice(0, count).map(client => client.run({ direction, kind, operations: each })))
          },
        }
      }),
    ),
  )
}

/** What processes take of the CPU in each counted round of figures in MB/s. */
class CpuRounds {
  readonly #pids: readonly number[]
  readonly #seconds: Record<string, number[]> = {}

  constructor(pids: readonly number[]) {
    this.#pids = pids
  }

  watch(figure: Figure): Figure {
    return {
      ...figure,
      work: async () => {
        const before = processCpuSeconds(this.#pids)
        await figure.work()
        const after = processCpuSeconds(this.#pids)
        if (before === undefined || after === undefined) return
        const perGB = ((after - before) * 1e3) / figure.amount
        this.#seconds[figure.name] = [...(this.#seconds[figure.name] ?? []), perGB]
      },
    }
  }

  get samples(): RawRounds {
    return Object.fromEntries(
      // The first one warms up.
      Object.entries(this.#seconds).map(([name, all]) => [name, { unit: 's/GB', better: 'less', values: all.slice(1) }] as const),
    )
  }
}

function curvesOf(samples: RawRounds, counts: readonly number[], digits: number): Curves {
  const curve = (direction: Direction, kind: Kind): Curve =>
    Object.fromEntries(
      counts.flatMap(count => {
        const one = samples[nameOf(direction, count, kind)]
        return one ? [[count, Number(median(one.values).toFixed(digits))]] : []
      }),
    )
  const ofDirection = (direction: Direction): Record<Kind, Curve> => ({
    file: curve(direction, 'file'),
    action: curve(direction, 'action'),
  })
  const [write, read] = directions
  return { write: ofDirection(write), read: ofDirection(read) }
}

function nameOf(direction: Direction, clients: number, kind: Kind): string {
  return `${direction} ${clients} ${kind}`
}
