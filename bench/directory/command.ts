import type { Command } from 'commander'
import { countFrom } from '../count.ts'
import { endProgress, showProgress } from '../progress.ts'
import { type DirectoryOptions, defaults, type Phase, runDirectory } from './run.ts'

interface Options extends DirectoryOptions {
  readonly json?: boolean
}

export function addDirectory(program: Command): void {
  program
    .command('directory')
    .description('a directory of very many children: time, resident size and longest turn of the metadata server')
    .option('--children <number>', 'files in the directory', countFrom(1), defaults.children)
    .option('--keyvalues', 'a table of keyvalues of 16 bytes instead')
    .option('--json', 'print one JSON object and nothing else')
    .action(directory)
}

async function directory({ json, ...options }: Options): Promise<void> {
  const phases = await runDirectory(options, showProgress)
  endProgress()
  if (json) console.log(JSON.stringify({ directory: phases }))
  else printTable(phases)
}

function printTable(phases: Readonly<Record<string, Phase>>): void {
  const base = phases['rest']!.residentBytes
  console.log(
    `${''.padEnd(8)}${'seconds'.padStart(9)}${'resident MiB'.padStart(14)}${'of rest'.padStart(9)}${'longest turn ms'.padStart(17)}`,
  )
  for (const [name, { seconds, residentBytes, longestTurnMs }] of Object.entries(phases)) {
    const resident = (residentBytes / (1 << 20)).toFixed(0).padStart(14)
    const ratio = (residentBytes / base).toFixed(2).padStart(9)
    console.log(`${name.padEnd(8)}${seconds.toFixed(1).padStart(9)}${resident}${ratio}${longestTurnMs.toFixed(1).padStart(17)}`)
  }
}
