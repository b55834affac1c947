import type { Experiment } from '../experiment.ts'
import { type RateFigures, ratesExperiment } from '../rates.ts'
import { figureKinds, sections } from './figures.ts'
import { defaults, runBandwidth } from './run.ts'

export const bandwidthExperiment: Experiment<RateFigures> = ratesExperiment({
  name: 'bandwidth',
  title: 'Bandwidth',
  seconds: 200,
  kinds: figureKinds,
  sections,
  drawn: 'large',
  async run({ quick }, progress) {
    const { rounds } = await runBandwidth(quick ? { rounds: 2, amount: 8, stream: 0, only: ['medium'] } : defaults, progress)
    return rounds
  },
})
