import type { Command } from 'commander'
import { countFrom } from '../count.ts'
import { endProgress, showProgress } from '../progress.ts'
import { printTable } from '../tables.ts'
import { httpTables } from './experiment.ts'
import { defaults, runHttp } from './run.ts'

interface Options {
  readonly rounds: number
  readonly amount: number
  readonly connections: number
  readonly json?: boolean
}

export function addHttp(program: Command): void {
  program
    .command('http')
    .description('the HTTP faces of all servers under autocannon, beside a bare HTTP server')
    .option('--rounds <number>', 'counted rounds, in which the figures take turns', countFrom(1), defaults.rounds)
    .option('--amount <number>', 'requests of each figure in a round', countFrom(1), defaults.requests)
    .option('--connections <number>', 'at the same time, with one request each', countFrom(1), defaults.connections)
    .option('--json', 'print one JSON object and nothing else')
    .action(http)
}

async function http({ rounds, amount, connections, json }: Options): Promise<void> {
  const outcome = await runHttp({ rounds, requests: amount, connections }, showProgress)
  endProgress()
  if (json) console.log(JSON.stringify({ http: outcome.figures }))
  else for (const table of httpTables(outcome)) printTable(table)
}
