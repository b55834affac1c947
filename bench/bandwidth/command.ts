import { type Command, InvalidArgumentError } from 'commander'
import { countFrom } from '../count.ts'
import { endProgress, showProgress } from '../progress.ts'
import { medians } from '../rounds.ts'
import { printTable } from '../tables.ts'
import { type Section, sections } from './figures.ts'
import { jsonOf, mediansOf, tableOf } from './report.ts'
import { defaults, runBandwidth, sectionNames } from './run.ts'
import { measureTable, defaults as tableDefaults, tablesOf } from './size-table.ts'

interface Options {
  readonly rounds: number
  readonly amount: number
  readonly stream: number
  readonly only: readonly Section[]
  readonly table?: boolean
  readonly json?: boolean
}

const names = sectionNames

export function addBandwidth(program: Command): void {
  program
    .command('bandwidth')
    .description('reads and writes over loopback, large and small, beside bare pairs of sockets and beside Redis')
    .option('--rounds <number>', 'counted rounds, in which the figures take turns', countFrom(1), defaults.rounds)
    .option('--amount <MiB>', 'what a figure of large operations moves in a round, in MiB', countFrom(8), defaults.amount)
    .option(
      '--stream <MiB>',
      'what is streamed to see how a client grows, in MiB; 0 leaves that out',
      countFrom(0),
      defaults.stream,
    )
    .option('--only <names>', `some of ${names.join(',')}`, sectionsOf, names)
    .option('--table', 'throughput by size of operations and operations in flight instead')
    .option('--json', 'print one JSON object and nothing else')
    .action(bandwidth)
}

function sectionsOf(text: string): Section[] {
  const wanted = text.split(',')
  const unknown = wanted.find(name => !Object.hasOwn(sections, name))
  if (unknown !== undefined) throw new InvalidArgumentError(`There is no ${unknown}: take some of ${names.join(',')}.`)
  return names.filter(name => wanted.includes(name))
}

async function bandwidth(options: Options): Promise<void> {
  if (options.table) await showTable(options)
  else await showFigures(options)
}

async function showFigures({ only, json, ...options }: Options): Promise<void> {
  const { rounds } = await runBandwidth({ ...options, only }, showProgress)
  endProgress()
  const figures = mediansOf(rounds)
  if (json) console.log(JSON.stringify({ bandwidth: jsonOf(figures) }))
  else for (const line of tableOf(figures, only)) console.log(line)
}

async function showTable({ rounds, json }: Options): Promise<void> {
  const results = medians(await measureTable({ ...tableDefaults, rounds }, showProgress))
  endProgress()
  if (json) console.log(JSON.stringify({ bandwidthTable: jsonOf(results) }))
  else for (const table of tablesOf(results)) printTable(table)
}
