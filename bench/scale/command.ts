import type { Command } from 'commander'
import { countFrom } from '../count.ts'
import { endProgress, showProgress } from '../progress.ts'
import { printTable } from '../tables.ts'
import { scaleTables } from './experiment.ts'
import { defaults, runScale } from './run.ts'

const MIB = 1 << 20

interface Options {
  readonly rounds: number
  readonly amount: number
  readonly inFlight: number
  readonly clients: readonly number[]
  readonly threads: number
  readonly json?: boolean
}

export function addScale(program: Command): void {
  program
    .command('scale')
    .description('parallel actions and files, a client process each: bandwidth of all together')
    .option('--rounds <number>', 'counted rounds, in which the figures take turns', countFrom(1), defaults.rounds)
    .option('--amount <MiB>', 'what all clients together move in a round, in MiB', countFrom(1), defaults.roundBytes / MIB)
    .option('--in-flight <number>', 'operations of 1 MiB that each client keeps under way', countFrom(1), defaults.batch)
    .option('--clients <numbers>', 'how many at the same time, with commas between them', counts, defaults.clients)
    .option(
      '--threads <number>',
      'action threads of the active server (default: as many as cores)',
      countFrom(1),
      defaults.threads,
    )
    .option('--json', 'print one JSON object and nothing else')
    .action(scale)
}

async function scale({ rounds, amount, inFlight, clients, threads, json }: Options): Promise<void> {
  const outcome = await runScale(
    { ...defaults, rounds, roundBytes: amount * MIB, batch: inFlight, clients, threads },
    showProgress,
  )
  endProgress()
  if (json) console.log(JSON.stringify({ scale: outcome.figures }))
  else for (const table of scaleTables(outcome)) printTable(table)
}

function counts(text: string): number[] {
  return [...new Set(text.split(',').map(countFrom(1)))]
}
