import type { Command } from 'commander'
import { countFrom } from '../../count.ts'
import { endProgress, showProgress } from '../../progress.ts'
import { bothWays, type Run } from '../both-ways.ts'
import type { Comparison, Measured } from '../figures.ts'
import { addExperiment, bandwidthOf, type ExperimentOptions, positive, roundsOf } from '../options.ts'
import { printComparison } from '../report.ts'
import { Stage } from '../stage.ts'
import { BLOCK_BYTES } from '../stored-peak.ts'

const MIB = 1 << 20
/** In memory, to tell what generating and parsing take by themselves. */
const TIMED_BYTES = 64 * MIB
const HOME = '/reduce'

interface Options extends ExperimentOptions {
  readonly workers: readonly number[]
  readonly amount: number
}

export interface ReduceSizes {
  readonly rounds: number
  /** Of pairs, that each worker makes. */
  readonly workerBytes: number
}

export function addReduce(program: Command): void {
  addExperiment(program, 'reduce', 'pairs of many workers merged by a worker from files, or by an action')
    .option('--workers <numbers>', 'how many generate pairs, one experiment each', counts, [5, 10])
    .option('--amount <MiB>', 'of pairs for each worker', positive, 64)
    .action(reduce)
}

async function reduce({ workers, amount, ...options }: Options): Promise<void> {
  const comparisons: Comparison[] = []
  for (const count of workers) {
    const sizes = { rounds: roundsOf(options), workerBytes: amount * MIB }
    const { comparison, told } = await measureReduce(count, bandwidthOf(options), sizes, text =>
      showProgress(`${count} workers: ${text}`),
    )
    endProgress()
    comparisons.push(comparison)
    if (!options.json) printComparison('reduce', { ...comparison, ...told })
  }
  if (options.json) console.log(JSON.stringify(comparisons.map(reduce => ({ reduce }))))
}

function counts(text: string): number[] {
  return [...new Set(text.split(',').map(countFrom(1)))]
}

/** On a stage of its own. */
export async function measureReduce(
  workers: number,
  bandwidth: number | null,
  sizes: ReduceSizes,
  progress: (text: string) => void,
): Promise<Measured> {
  // Twice: what was deleted is free again only by and by.
  const capacity = 2 * workers * (Math.ceil(sizes.workerBytes / BLOCK_BYTES) + 64) * BLOCK_BYTES
  await using stage = await Stage.start({ capacity, blockSize: BLOCK_BYTES }, workers, bandwidth)
  return await runReduce(stage, sizes, progress)
}

export async function runReduce(
  stage: Stage,
  { rounds, workerBytes }: ReduceSizes,
  progress: (text: string) => void,
): Promise<Measured> {
  const ways = { dataShipping: () => ship(stage, workerBytes), nearData: () => mergeNear(stage, workerBytes) }
  const { rounds: raw, ...figures } = await bothWays(ways, rounds, progress)
  const { result: timed } = await stage.workers[0]!.run({ kind: 'timePairs', bytes: Math.min(TIMED_BYTES, workerBytes) })
  const { generating, parsing } = timed
  return {
    comparison: { workers: stage.workers.length, workerBandwidth: stage.bandwidth, ...figures },
    raw,
    told: { bound: (generating + parsing) / (generating + 2 * parsing) },
  }
}

/** Through files: when all are there, one worker reads and merges them. */
async function ship(stage: Stage, bytes: number): Promise<Run> {
  const files = stage.workers.map((_, worker) => `${HOME}/pairs-${worker}`)
  const way = await stage.begin()
  await way.phase('emit', () => way.tasks(files.map((file, seed) => ({ kind: 'emitPairs', seed, bytes, to: { file } }) as const)))
  await way.stored()
  const [result] = await way.phase('merge', () => way.tasks([{ kind: 'mergePairs', files } as const]))
  const figures = await way.end()
  await stage.store.delete(HOME, { recursive: true })
  return { figures, result: result! }
}

/** Into an action, which merges what comes while it comes; one worker reads the result. */
async function mergeNear(stage: Stage, bytes: number): Promise<Run> {
  const action = `${HOME}/merge`
  const way = await stage.begin()
  await way.phase('emit', async () => {
    const node = await stage.store.create(action, 'action', { parents: true })
    await node.create('std/Merge', { interleaved: true })
    await way.tasks(stage.workers.map((_, seed) => ({ kind: 'emitPairs', seed, bytes, to: { action } }) as const))
  })
  const [result] = await way.phase('merge', () => way.tasks([{ kind: 'readPairs', action } as const]))
  // What the action keeps is the result.
  await way.stored(Buffer.byteLength(result!))
  const figures = await way.end()
  await stage.store.delete(HOME, { recursive: true })
  return { figures, result: result! }
}
