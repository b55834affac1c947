import type { Experiment } from '../experiment.ts'
import { type RateFigures, type RateKind, ratesExperiment } from '../rates.ts'
import { defaults, runDirectory } from './run.ts'

const MIB = 1 << 20
const LONGEST_TURN_MS = 50
const phases = ['create', 'list', 'delete']
/** `rest` is what the process takes before list and delete. */
const resident = 'resident memory of the metadata server'

const kinds = Object.fromEntries<RateKind>([
  ...phases.map(phase => [`${phase} seconds`, { section: 'time', unit: 's', better: 'less' }] as const),
  ...['rest', ...phases].map(phase => [`${phase} resident`, { section: resident, unit: 'MiB', better: 'less' }] as const),
  ...phases.map(
    phase => [`${phase} turn`, { section: 'longest turn of the event loop', unit: 'ms', most: LONGEST_TURN_MS }] as const,
  ),
])

export const directoryExperiment: Experiment<RateFigures> = ratesExperiment({
  name: 'directory',
  title: 'A very large directory',
  seconds: 20,
  kinds,
  async run({ quick }, progress) {
    const measured = await runDirectory(quick ? { children: 1_000 } : defaults, progress)
    return Object.fromEntries(
      Object.entries(measured).flatMap(([phase, { seconds, residentBytes, longestTurnMs }]) => [
        [`${phase} seconds`, [seconds]],
        [`${phase} resident`, [residentBytes / MIB]],
        [`${phase} turn`, [longestTurnMs]],
      ]),
    )
  },
})
