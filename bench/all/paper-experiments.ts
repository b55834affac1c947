/** The experiments of the paper that do their work in two ways: what is drawn of each, and what the paper tells of it. */
import type { Experiment } from '../experiment.ts'
import type { Case, ToldComparison } from '../experiments/figures.ts'
import { CLOUD_BANDWIDTH, type Comparing, comparingExperiment } from './comparisons.ts'

type Run = Comparing['run']

/** Of the time: without a limit, over a link such as a cloud function has, and over a narrower one. */
interface Times {
  readonly unlimited: number
  readonly cloud: number
  readonly narrow: number
}

function timeLimit({ workerBandwidth }: Case, { unlimited, cloud, narrow }: Times): number {
  if (workerBandwidth === null) return unlimited
  return workerBandwidth >= CLOUD_BANDWIDTH ? cloud : narrow
}

export function pipelineExperiment(run: Run): Experiment<readonly ToldComparison[]> {
  return comparingExperiment({
    name: 'pipeline',
    title: 'Filter before counting words (Table 5.2)',
    seconds: 100,
    workers: [4],
    falls: [
      { what: 'Table 5.2: bytes ingested by workers', figure: 'ingestedBytes', paper: '−99.75 %' },
      { what: 'Table 5.2: time', figure: 'seconds', paper: '2.7 times as fast' },
    ],
    limits: wanted => ({
      ingestedBytes: 0.0025,
      seconds: timeLimit(wanted, { unlimited: 1.05, cloud: 1 / 2.7, narrow: 1 / 5 }),
    }),
    drawn: [],
    run,
  })
}

export function reduceExperiment(run: Run): Experiment<readonly ToldComparison[]> {
  return comparingExperiment({
    name: 'reduce',
    title: 'Merging pairs of many workers (Figure 5.5)',
    seconds: 330,
    workers: [5, 10],
    falls: [
      { what: 'Figure 5.5: time', figure: 'seconds', paper: '−60 %' },
      { what: 'Figure 5.5: bytes moved', figure: 'bytesMoved', paper: '−50 %' },
      { what: 'Figure 5.5: bytes stored at the peak', figure: 'storedPeakBytes', paper: 'more than −99.9 %' },
    ],
    // Half of the bytes, and the result.
    limits: wanted => ({
      bytesMoved: 0.501,
      storedPeakBytes: 0.001,
      cpuSeconds: 1,
      seconds: timeLimit(wanted, { unlimited: 0.87, cloud: 0.4, narrow: 0.4 }),
    }),
    drawn: [
      { figure: 'seconds', file: 'figure-5.5-reduce', caption: 'Figure 5.5: time to merge the pairs of 5 and of 10 workers' },
    ],
    run,
  })
}

export function sortExperiment(run: Run): Experiment<readonly ToldComparison[]> {
  return comparingExperiment({
    name: 'sort',
    title: 'Sort (Figures 5.8 and 5.9)',
    seconds: 180,
    workers: [2],
    falls: [
      { what: 'Figure 5.8: time', figure: 'seconds', paper: '−49.8 %' },
      { what: 'Figure 5.9: bytes moved', figure: 'bytesMoved', paper: '−50 %' },
    ],
    // Half of the bytes, the samples and the heads.
    limits: wanted => ({
      bytesMoved: 0.52,
      cpuSeconds: 1,
      seconds: timeLimit(wanted, { unlimited: 1, cloud: 0.65, narrow: 0.502 }),
    }),
    drawn: [
      { figure: 'seconds', file: 'figure-5.8-sort-time', caption: 'Figure 5.8: time to sort, by phase' },
      { figure: 'bytesMoved', file: 'figure-5.9-sort-bytes', caption: 'Figure 5.9: bytes moved between workers and store' },
    ],
    run,
  })
}
