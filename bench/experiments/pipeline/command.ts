import type { Command } from 'commander'
import { countFrom } from '../../count.ts'
import { endProgress, showProgress } from '../../progress.ts'
import { bothWays, type Run } from '../both-ways.ts'
import type { Measured } from '../figures.ts'
import { addExperiment, bandwidthOf, type ExperimentOptions, positive, roundsOf } from '../options.ts'
import { printComparison } from '../report.ts'
import { Stage, slotsFor } from '../stage.ts'
import { BLOCK_BYTES } from '../stored-peak.ts'
import type { WordCounts } from './tasks.ts'
import { NEEDLE } from './text.ts'

const MIB = 1 << 20
const TEXTS = '/texts'
const HOME = '/pipeline'

interface Options extends ExperimentOptions {
  readonly workers: number
  readonly amount: number
}

export interface PipelineSizes {
  readonly rounds: number
  /** Of text, for each worker. */
  readonly workerBytes: number
}

export function addPipeline(program: Command): void {
  addExperiment(program, 'pipeline', 'workers that count words of the few lines that match: filtered by them, or by an action')
    .option('--workers <number>', 'how many', countFrom(1), 4)
    .option('--amount <MiB>', 'of text for each worker', positive, 256)
    .action(pipeline)
}

async function pipeline({ workers, amount, ...options }: Options): Promise<void> {
  const sizes = { rounds: roundsOf(options), workerBytes: amount * MIB }
  const { comparison, told } = await measurePipeline(workers, bandwidthOf(options), sizes, showProgress)
  endProgress()
  if (options.json) console.log(JSON.stringify({ pipeline: comparison }))
  else printComparison('pipeline', { ...comparison, ...told })
}

/** On a stage of its own. */
export async function measurePipeline(
  workers: number,
  bandwidth: number | null,
  sizes: PipelineSizes,
  progress: (text: string) => void,
): Promise<Measured> {
  const capacity = workers * (Math.ceil(sizes.workerBytes / BLOCK_BYTES) + 64) * BLOCK_BYTES
  const servers = { capacity, blockSize: BLOCK_BYTES, threads: workers, slots: slotsFor(workers) }
  await using stage = await Stage.start(servers, workers, bandwidth)
  return await runPipeline(stage, sizes, progress)
}

export async function runPipeline(
  stage: Stage,
  { rounds, workerBytes }: PipelineSizes,
  progress: (text: string) => void,
): Promise<Measured> {
  progress('writing the text')
  const texts = stage.workers.map((_, worker) => `${TEXTS}/${worker}`)
  await Promise.all(
    stage.workers.map((worker, seed) => worker.run({ kind: 'writeText', file: texts[seed]!, seed, bytes: workerBytes } as const)),
  )
  const ways = { dataShipping: () => ship(stage, texts), nearData: () => filterNear(stage, texts) }
  const { rounds: raw, ...figures } = await bothWays(ways, rounds, progress)
  const stats = await Promise.all(texts.map(path => stage.store.stat(path)))
  return {
    comparison: { workers: stage.workers.length, workerBandwidth: stage.bandwidth, ...figures },
    raw,
    told: { inputBytes: stats.reduce((sum, { size }) => sum + size, 0) },
  }
}

/** Workers read all lines, and count the words of those that match. */
async function ship(stage: Stage, texts: readonly string[]): Promise<Run> {
  const way = await stage.begin()
  const counts = await way.phase('count', () =>
    way.tasks(texts.map(path => ({ kind: 'countWords', path, substring: NEEDLE }) as const)),
  )
  return { figures: await way.end(), result: resultOf(counts) }
}

/** Workers read the lines that match from actions, which read the files, one for each. */
async function filterNear(stage: Stage, texts: readonly string[]): Promise<Run> {
  const way = await stage.begin()
  const counts = await way.phase('count', async () => {
    const filters = texts.map((_, worker) => `${HOME}/filter-${worker}`)
    await Promise.all(
      filters.map(async (path, at) => {
        const node = await stage.store.create(path, 'action', { parents: true })
        await node.create('std/Filter', { params: { file: texts[at]!, substring: NEEDLE } })
      }),
    )
    return way.tasks(filters.map(path => ({ kind: 'countWords', path }) as const))
  })
  const figures = await way.end()
  await stage.store.delete(HOME, { recursive: true })
  return { figures, result: resultOf(counts) }
}

/** Of all workers together, in order of words. */
function resultOf(counts: readonly WordCounts[]): string {
  const sums = new Map<string, number>()
  for (const [word, count] of counts.flatMap(each => [...each])) sums.set(word, (sums.get(word) ?? 0) + count)
  return [...sums]
    .map(([word, count]) => `${word} ${count}`)
    .sort()
    .join('\n')
}
