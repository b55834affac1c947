/** The experiments of the paper that do their work in two ways, as `bench all` runs them. */
import type { MeasuredComparison } from '../all/comparisons.ts'
import { pipelineExperiment, reduceExperiment, sortExperiment } from '../all/paper-experiments.ts'
import type { Measured } from './figures.ts'
import { roundsOf } from './options.ts'
import { measurePipeline } from './pipeline/command.ts'
import { measureReduce } from './reduce/command.ts'
import { measureSort } from './sort/command.ts'

const MIB = 1 << 20

const rounds = (bandwidth: number | null): number => roundsOf(bandwidth === null ? {} : { workerBandwidth: bandwidth })

export const pipeline = pipelineExperiment(async ({ workers, workerBandwidth: bandwidth }, { quick }, progress) => {
  const sizes = { rounds: rounds(bandwidth), workerBytes: (quick ? 1 : 256) * MIB }
  const measured = await measurePipeline(workers, bandwidth, sizes, progress)
  return together(measured)
})

export const reduce = reduceExperiment(async ({ workers, workerBandwidth: bandwidth }, { quick }, progress) => {
  const sizes = { rounds: rounds(bandwidth), workerBytes: (quick ? 1 : 64) * MIB }
  const measured = await measureReduce(workers, bandwidth, sizes, progress)
  return together(measured)
})

export const sort = sortExperiment(async ({ workers, workerBandwidth: bandwidth }, { quick }, progress) => {
  const sizes = { rounds: rounds(bandwidth), records: quick ? 5_000 : 1_000_000, sorterBytes: 1024 * MIB }
  const measured = await measureSort(workers, bandwidth, sizes, progress)
  return together(measured)
})

function together({ comparison, told, raw }: Measured): MeasuredComparison {
  return { ...comparison, ...told, rounds: raw }
}
