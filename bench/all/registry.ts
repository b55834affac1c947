/** All experiments, in the order in which they run. */
import { actionsExperiment } from '../actions/experiment.ts'
import { bandwidthExperiment } from '../bandwidth/experiment.ts'
import { bandwidthTableExperiment } from '../bandwidth/table-experiment.ts'
import { directoryExperiment } from '../directory/experiment.ts'
import type { Experiment } from '../experiment.ts'
import { pipeline, reduce, sort } from '../experiments/experiments.ts'
import { httpExperiment } from '../http/experiment.ts'
import { metadataExperiment } from '../metadata/experiment.ts'
import { scaleExperiment } from '../scale/experiment.ts'
import { sizeExperiment } from '../size/experiment.ts'

export const registry: readonly Experiment[] = [
  bandwidthExperiment,
  bandwidthTableExperiment,
  metadataExperiment,
  directoryExperiment,
  actionsExperiment,
  sizeExperiment,
  scaleExperiment,
  pipeline,
  reduce,
  sort,
  httpExperiment,
]
