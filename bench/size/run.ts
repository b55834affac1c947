import { StoreClient } from '../../client/index.ts'
import { LocalCluster } from '../../cluster/index.ts'
import { type Outcome, type Progress, samplesOf } from '../experiment.ts'
import { interleaved, medians, type Rounds } from '../rounds.ts'
import { type Point, pointName, pointsOf, prepare, sizeName } from './figures.ts'
import { type Direction, directions, type Kind } from './kinds.ts'

const MIB = 1 << 20
/** Of a counted round, in the search for the best number of operations under way. */
const SEARCH_SHARE = 1 / 4
const SEARCH_ROUNDS = 3

export const opSizes = [1, 4, 16, 64, 256, 1024, 4096, 16_384].map(kib => kib << 10)

export interface SizeOptions {
  readonly rounds: number
  /** What each figure moves in a round. */
  readonly roundBytes: number
  readonly fileBytes: number
  readonly opSizes: readonly number[]
  readonly inProcess?: boolean
}

export const defaults: SizeOptions = { rounds: 5, roundBytes: 512 * MIB, fileBytes: 256 * MIB, opSizes }

export interface SizeFigure {
  readonly opBytes: number
  readonly MBps: number
  /** Operations under way with which it was measured. */
  readonly batch: number
}

/** Of each size, in order. */
export type SizeFigures = Readonly<Record<Direction, Readonly<Record<Kind, readonly SizeFigure[]>>>>

export async function runSize(options: SizeOptions, progress: Progress): Promise<Outcome<SizeFigures>> {
  const { rounds, roundBytes, fileBytes, inProcess = false } = options
  await using cluster = await LocalCluster.start({ capacity: fileBytes, inProcess })
  await using store = await StoreClient.connect(cluster.address)
  progress('touching memory')
  const stage = await prepare(store, fileBytes)
  const points = pointsOf(stage, options.opSizes, roundBytes)
  const batches = await search(points, progress)
  const figures = points.map(point => point.figure(batches.get(point.name)!))
  const results = await interleaved(figures, rounds, progress)
  return { rounds: samplesOf(results, 'MB/s'), figures: figuresOf(results, batches, options.opSizes) }
}

/** The batch of each point that was the fastest. Others on the machine only ever slow one down, so the best of its rounds counts. */
async function search(points: readonly Point[], progress: Progress): Promise<Map<string, number>> {
  const best = new Map<string, number>()
  for (const point of points) {
    const candidates = point.batches.map(batch => ({ ...point.figure(batch, SEARCH_SHARE), name: `${batch}` }))
    const results = await interleaved(candidates, SEARCH_ROUNDS, () => progress(`best batch: ${point.name}`))
    const fastest = (batch: number): number => Math.max(...results[`${batch}`]!)
    best.set(
      point.name,
      point.batches.reduce((one, other) => (fastest(other) > fastest(one) ? other : one)),
    )
  }
  return best
}

function figuresOf(results: Rounds, batches: ReadonlyMap<string, number>, sizes: readonly number[]): SizeFigures {
  const speeds = medians(results)
  const ofKind = (direction: Direction, kind: Kind): SizeFigure[] =>
    sizes.map(opBytes => {
      const name = pointName(direction, kind, opBytes)
      return { opBytes, MBps: Math.round(speeds[name]!), batch: batches.get(name)! }
    })
  const ofDirection = (direction: Direction): Record<Kind, SizeFigure[]> => ({
    file: ofKind(direction, 'file'),
    action: ofKind(direction, 'action'),
  })
  const [write, read] = directions
  return { write: ofDirection(write), read: ofDirection(read) }
}

/** The action's share of the file at each size, in order. */
export function ratios({ file, action }: SizeFigures[Direction]): { size: string; opBytes: number; ratio: number }[] {
  return file.map(({ opBytes, MBps }, at) => ({ size: sizeName(opBytes), opBytes, ratio: action[at]!.MBps / MBps }))
}
