import type { Experiment } from '../experiment.ts'
import { type RateFigures, type RateKind, ratesExperiment } from '../rates.ts'
import { sizes } from './figures.ts'
import { defaults, runActions } from './run.ts'

const transfers = 'bytes to and from one file and one action'
const parallel = 'several actions together'
const small = 'streams of 100 bytes, and requests that do nothing'
const lines = 'lines summed up'

function transferKinds(): Record<string, RateKind> {
  const kinds: Record<string, RateKind> = {}
  for (const direction of ['write', 'read']) {
    for (const { name } of sizes) {
      const file = `${direction} ${name} file`
      const base = { section: transfers, unit: 'MB/s' }
      const target = (least: number): Pick<RateKind, 'targets'> => (name === '1KiB' ? {} : { targets: [{ of: [file], least }] })
      kinds[file] = base
      kinds[`${direction} ${name} action`] = { ...base, ...target(0.9) }
      if (direction === 'write') kinds[`write ${name} owned`] = { ...base, ...target(0.65) }
      else kinds[`read ${name} copied`] = base
    }
  }
  return kinds
}

export const actionsExperiment: Experiment<RateFigures> = ratesExperiment({
  name: 'actions',
  title: 'Actions',
  seconds: 60,
  kinds: {
    ...transferKinds(),
    'parallel 1': { section: parallel, unit: 'MB/s' },
    'parallel 2': { section: parallel, unit: 'MB/s' },
    'parallel 4': { section: parallel, unit: 'MB/s' },
    echo: { section: small, unit: 'op/s' },
    openClose: { section: small, unit: 'op/s', targets: [{ of: ['echo'], least: 0.3 }] },
    mergeBaseline: { section: lines, unit: 'MB/s' },
    merge: { section: lines, unit: 'MB/s', targets: [{ of: ['mergeBaseline'], least: 0.8 }] },
    mergeText: { section: lines, unit: 'MB/s' },
  },
  async run({ quick }, progress) {
    const { rounds } = await runActions(quick ? { rounds: 2, amount: 8, streams: 100 } : defaults, progress)
    return rounds
  },
})
