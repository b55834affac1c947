import { type Command, InvalidArgumentError } from 'commander'
import { countFrom } from '../count.ts'

/** Rounds that count, where nobody says: of a narrow link one run takes long, and varies little. */
const ROUNDS = 5
const NARROW_ROUNDS = 2

/** What all experiments are told. */
export interface ExperimentOptions {
  readonly workerBandwidth?: number
  readonly rounds?: number
  readonly json?: boolean
}

export function addExperiment(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option('--worker-bandwidth <MB/s>', 'limit of each worker in each direction (default: none)', positive)
    .option('--rounds <number>', `counted rounds (default: ${ROUNDS}, with a limit ${NARROW_ROUNDS})`, countFrom(1))
    .option('--json', 'print one JSON object and nothing else')
}

export function bandwidthOf({ workerBandwidth }: ExperimentOptions): number | null {
  return workerBandwidth ?? null
}

export function roundsOf({ rounds, workerBandwidth }: ExperimentOptions): number {
  return rounds ?? (workerBandwidth === undefined ? ROUNDS : NARROW_ROUNDS)
}

export function positive(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new InvalidArgumentError('It has to be a number above 0.')
}
