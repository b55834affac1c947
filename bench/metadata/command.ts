import type { Command } from 'commander'
import { countFrom } from '../count.ts'
import { endProgress, showProgress } from '../progress.ts'
import { jsonOf, tableOf } from './report.ts'
import { defaults, type MetadataOptions, runMetadata, SLOWER_BY } from './run.ts'

interface Options extends MetadataOptions {
  readonly json?: boolean
}

export function addMetadata(program: Command): void {
  program
    .command('metadata')
    .description('operations of the metadata server, beside an echo over the same connection class, and beside Redis')
    .option('--rounds <number>', 'counted rounds, in which the figures take turns', countFrom(1), defaults.rounds)
    .option('--amount <number>', 'operations of each figure in a round, with 64 in flight', countFrom(SLOWER_BY), defaults.amount)
    .option('--nodes <number>', 'files by which the memory per node is measured; 0 leaves that out', countFrom(0), defaults.nodes)
    .option('--json', 'print one JSON object and nothing else')
    .action(metadata)
}

async function metadata({ json, ...options }: Options): Promise<void> {
  const { results } = await runMetadata(options, showProgress)
  endProgress()
  if (json) console.log(JSON.stringify(jsonOf(results)))
  else for (const line of tableOf(results)) console.log(line)
}
