import { type Command, InvalidArgumentError } from 'commander'
import { countFrom } from '../count.ts'
import { endProgress, showProgress } from '../progress.ts'
import { printTable } from '../tables.ts'
import { sizeTables } from './experiment.ts'
import { defaults, runSize } from './run.ts'

const KIB = 1 << 10
const MIB = 1 << 20

interface Options {
  readonly rounds: number
  readonly amount: number
  readonly sizes: readonly number[]
  readonly json?: boolean
}

export function addSize(program: Command): void {
  program
    .command('size')
    .description('one file and one action in operations of 1 KiB to 16 MiB, with the best number of them in flight')
    .option('--rounds <number>', 'counted rounds, in which the figures take turns', countFrom(1), defaults.rounds)
    .option('--amount <MiB>', 'what each figure moves in a round, in MiB', countFrom(1), defaults.roundBytes / MIB)
    .option('--sizes <KiB>', 'of the operations, in KiB with commas between', kibibytes, defaults.opSizes)
    .option('--json', 'print one JSON object and nothing else')
    .action(size)
}

async function size({ rounds, amount, sizes, json }: Options): Promise<void> {
  const outcome = await runSize({ ...defaults, rounds, roundBytes: amount * MIB, opSizes: sizes }, showProgress)
  endProgress()
  if (json) console.log(JSON.stringify({ size: outcome.figures }))
  else for (const table of sizeTables(outcome)) printTable(table)
}

/** Each once, and so that operations of it fill the file. */
export function kibibytes(text: string): number[] {
  const sizes = text.split(',').map(kib => countFrom(1)(kib) * KIB)
  const odd = sizes.find(bytes => defaults.fileBytes % bytes !== 0)
  if (odd === undefined) return [...new Set(sizes)]
  throw new InvalidArgumentError(`A file of ${defaults.fileBytes / MIB} MiB is not filled by operations of ${odd / KIB} KiB.`)
}
