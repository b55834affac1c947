import { type Experiment, samplesOf } from '../experiment.ts'
import { medians } from '../rounds.ts'
import { defaults, measureTable, tablesOf } from './size-table.ts'

export const bandwidthTableExperiment: Experiment<Readonly<Record<string, number>>> = {
  name: 'bandwidthTable',
  command: 'bandwidth --table',
  title: 'Sizes of operations, operations in flight, and buffered streams',
  seconds: 40,
  async run({ quick }, progress) {
    const rounds = await measureTable(
      quick ? { rounds: 1, fileBytes: 1 << 20, opSizes: [16 << 10, 1 << 20] } : defaults,
      progress,
    )
    return { rounds: samplesOf(rounds, 'MB/s'), figures: medians(rounds) }
  },
  plots: () => [],
  tables: ({ figures }) => tablesOf(figures),
  paper: () => [],
}
