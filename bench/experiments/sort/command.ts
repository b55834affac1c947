import type { Command } from 'commander'
import { GliderError, type StoreClient } from '../../../client/index.ts'
import { countFrom } from '../../count.ts'
import { endProgress, showProgress } from '../../progress.ts'
import { bothWays, type Run } from '../both-ways.ts'
import type { Measured } from '../figures.ts'
import { addExperiment, bandwidthOf, type ExperimentOptions, positive, roundsOf } from '../options.ts'
import { forEachPiece } from '../pieces.ts'
import { printComparison } from '../report.ts'
import { Stage, slotsFor } from '../stage.ts'
import { BLOCK_BYTES } from '../stored-peak.ts'
import type { Way } from '../way.ts'
import { bordersOf, RECORD_BYTES, RecordDigest } from './records.ts'
import type { SplitRecords } from './tasks.ts'

const MIB = 1 << 20
const INPUTS = '/records'
const HOME = '/sort'
const CHECK_BYTES = 10_000 * RECORD_BYTES

interface Options extends ExperimentOptions {
  readonly workers: number
  readonly records: number
  readonly sorterMemory: number
}

export interface SortSizes {
  readonly rounds: number
  /** For each worker. */
  readonly records: number
  /** What does not fit lies in runs meanwhile. */
  readonly sorterBytes: number
}

export function addSort(program: Command): void {
  addExperiment(program, 'sort', 'records sorted by workers that meet through files, or by actions')
    .option('--workers <number>', 'how many, and how many ranges', countFrom(1), 2)
    .option('--records <number>', 'of 100 bytes, for each worker', countFrom(1), 1_000_000)
    .option('--sorter-memory <MiB>', 'memory of each action for its lines', positive, 1024)
    .action(sort)
}

async function sort({ workers, records, sorterMemory, ...options }: Options): Promise<void> {
  const sizes = { rounds: roundsOf(options), records, sorterBytes: Math.round(sorterMemory * MIB) }
  const { comparison, told } = await measureSort(workers, bandwidthOf(options), sizes, showProgress)
  endProgress()
  if (options.json) console.log(JSON.stringify({ sort: comparison }))
  else printComparison('sort', { ...comparison, ...told })
}

/** On a stage of its own. */
export async function measureSort(
  workers: number,
  bandwidth: number | null,
  sizes: SortSizes,
  progress: (text: string) => void,
): Promise<Measured> {
  // The input, what lies between the phases, the output, and what was deleted and is free only by and by.
  const capacity = 6 * workers * sizes.records * RECORD_BYTES + (workers + 1) ** 2 * 64 * BLOCK_BYTES
  const threadMemory = 2 * (sizes.sorterBytes + 512 * MIB)
  const servers = { capacity, blockSize: BLOCK_BYTES, threads: workers, threadMemory, slots: slotsFor(workers) }
  await using stage = await Stage.start(servers, workers, bandwidth)
  return await runSort(stage, sizes, progress)
}

export async function runSort(
  stage: Stage,
  { rounds, records, sorterBytes }: SortSizes,
  progress: (text: string) => void,
): Promise<Measured> {
  progress('writing the records')
  const inputs = stage.workers.map((_, worker) => `${INPUTS}/${worker}`)
  await Promise.all(
    stage.workers.map((worker, number) => worker.run({ kind: 'writeRecords', file: inputs[number]!, number, records } as const)),
  )
  const { multiset } = await digestOf(stage.store, inputs)
  let spilledBytes = 0
  const noteRuns = (bytes: number): void => {
    spilledBytes = Math.max(spilledBytes, bytes)
  }
  const ways = {
    dataShipping: () => checked(stage, multiset, way => ship(stage, way, inputs)),
    nearData: () => checked(stage, multiset, way => sortNear(stage, way, inputs, { memoryBytes: sorterBytes, noteRuns })),
  }
  const { rounds: raw, ...figures } = await bothWays(ways, rounds, progress)
  return {
    comparison: { workers: stage.workers.length, workerBandwidth: stage.bandwidth, ...figures },
    raw,
    told: { spilledBytes },
  }
}

/** One run, whose output has to be all records in order. */
async function checked(stage: Stage, expected: string, work: (way: Way) => Promise<readonly string[]>): Promise<Run> {
  const way = await stage.begin()
  const outputs = await work(way)
  const figures = await way.end()
  const digest = await digestOf(stage.store, outputs)
  if (!digest.ordered) throw new Error('the output is not in order')
  if (digest.multiset !== expected) throw new Error(`the output has ${digest.multiset} instead of ${expected}`)
  await stage.store.delete(HOME, { recursive: true })
  return { figures, result: digest.multiset }
}

/** Of files one behind the other. */
async function digestOf(store: StoreClient, files: readonly string[]): Promise<RecordDigest> {
  const digest = new RecordDigest()
  for (const path of files) await forEachPiece(await store.lookup(path, 'file'), piece => digest.add(piece), CHECK_BYTES)
  return digest
}

/** P1 splits by ranges into files; P2 reads, for each range, those of all workers, sorts and writes. */
async function ship(stage: Stage, way: Way, inputs: readonly string[]): Promise<readonly string[]> {
  const parts = inputs.map((_, worker) => inputs.map((__, range) => `${HOME}/part-${worker}-${range}`))
  const outputs = inputs.map((_, range) => `${HOME}/sorted-${range}`)
  await way.phase('P1', () => split(way, inputs, worker => ({ files: parts[worker]! })))
  await way.stored()
  await way.phase('P2', () =>
    way.tasks(
      outputs.map((output, range) => ({ kind: 'sortRecords', files: parts.map(files => files[range]!), output }) as const),
    ),
  )
  await way.stored()
  return outputs
}

/** P1 splits by ranges into actions, which sort; P2 has them write. */
async function sortNear(
  stage: Stage,
  way: Way,
  inputs: readonly string[],
  { memoryBytes, noteRuns }: { readonly memoryBytes: number; readonly noteRuns: (bytes: number) => void },
): Promise<readonly string[]> {
  const actions = inputs.map((_, range) => `${HOME}/sorter-${range}`)
  const outputs = inputs.map((_, range) => `${HOME}/sorted-${range}`)
  await way.phase('P1', async () => {
    await Promise.all(
      actions.map(async path => {
        const node = await stage.store.create(path, 'action', { parents: true })
        await node.create('std/Sorter', { params: { memoryBytes }, interleaved: true })
      }),
    )
    await split(way, inputs, () => ({ actions }))
  })
  const { memoryBytes: held, runBytes } = await heldBy(stage.store, actions)
  noteRuns(runBytes)
  await way.stored(held)
  await way.phase('P2', () =>
    way.tasks(outputs.map((output, range) => ({ kind: 'finishSorter', action: actions[range]!, output }) as const)),
  )
  await way.stored(held)
  return outputs
}

async function split(way: Way, inputs: readonly string[], to: (worker: number) => SplitRecords['to']): Promise<void> {
  const samples = await way.tasks(inputs.map(file => ({ kind: 'sampleRecords', file }) as const))
  const borders = bordersOf(samples.flat(), inputs.length)
  await way.tasks(inputs.map((file, worker) => ({ kind: 'splitRecords', file, borders, to: to(worker) }) as const))
}

/** Of lines in sorters. */
interface Held {
  readonly memoryBytes: number
  /** In files of the store. */
  readonly runBytes: number
}

/** Sorters tell how much they have in all. */
async function heldBy(store: StoreClient, actions: readonly string[]): Promise<Held> {
  let [all, runBytes] = [0, 0]
  for (const path of actions) {
    const size = await (await store.lookup(path, 'action')).call('size')
    if (typeof size !== 'object' || size === null || !('bytes' in size) || typeof size.bytes !== 'number') {
      throw new GliderError('INTERNAL', `the sorter ${path} tells no bytes: ${JSON.stringify(size)}`)
    }
    all += size.bytes
    runBytes += await runBytesOf(store, path)
  }
  return { memoryBytes: all - runBytes, runBytes }
}

/** In a directory beside the action. */
async function runBytesOf(store: StoreClient, action: string): Promise<number> {
  const at = action.lastIndexOf('/') + 1
  const directory = `${action.slice(0, at)}.${action.slice(at)}.runs`
  let bytes = 0
  if (!(await store.exists(directory))) return bytes
  for await (const { size } of store.list(directory)) bytes += size
  return bytes
}
