/** The experiments of the paper that do their work in two ways: what is drawn of each, and what the paper tells of it. */
import type { Experiment } from '../experiment.ts'
import type { ToldComparison } from '../experiments/figures.ts'
import { type Comparing, comparingExperiment } from './comparisons.ts'

type Run = Comparing['run']

export function pipelineExperiment(run: Run): Experiment<readonly ToldComparison[]> {
  return comparingExperiment({
    name: 'pipeline',
    title: 'Filter before counting words (Table 5.2)',
    seconds: 180,
    workers: [4],
    falls: [
      { what: 'Table 5.2: bytes ingested by workers', figure: 'ingestedBytes', paper: '−99.75 %' },
      { what: 'Table 5.2: time', figure: 'seconds', paper: '2.7 times as fast' },
    ],
    drawn: [],
    run,
  })
}

export function reduceExperiment(run: Run): Experiment<readonly ToldComparison[]> {
  return comparingExperiment({
    name: 'reduce',
    title: 'Merging pairs of many workers (Figure 5.5)',
    seconds: 240,
    workers: [5, 10],
    falls: [
      { what: 'Figure 5.5: time', figure: 'seconds', paper: '−60 %' },
      { what: 'Figure 5.5: bytes moved', figure: 'bytesMoved', paper: '−50 %' },
      { what: 'Figure 5.5: bytes stored at the peak', figure: 'storedPeakBytes', paper: 'more than −99.9 %' },
    ],
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
    drawn: [
      { figure: 'seconds', file: 'figure-5.8-sort-time', caption: 'Figure 5.8: time to sort, by phase' },
      { figure: 'bytesMoved', file: 'figure-5.9-sort-bytes', caption: 'Figure 5.9: bytes moved between workers and store' },
    ],
    run,
  })
}
