import { type Command, InvalidArgumentError } from 'commander'
import { countFrom } from '../count.ts'
import { endProgress, showProgress } from '../progress.ts'
import { type Section, sections } from './figures.ts'
import { measureFresh } from './fresh-stage.ts'
import { measureIdle } from './idle-stage.ts'
import { measureLarge } from './large-stage.ts'
import { measureLatency } from './latency-stage.ts'
import { measureMedium } from './medium-stage.ts'
import { measureMemory } from './memory-stage.ts'
import { jsonOf, mediansOf, tableOf } from './report.ts'
import { linesOfTable, measureTable } from './size-table.ts'
import { measureSmall } from './small-stage.ts'
import type { Measured, Stage } from './stage.ts'
import { measureWebSocket } from './websocket-stage.ts'

interface Options {
  readonly rounds: number
  readonly amount: number
  readonly stream: number
  readonly only: readonly Section[]
  readonly table?: boolean
  readonly json?: boolean
}

const names = Object.keys(sections) as Section[]

const stages: Readonly<Record<Section, Stage>> = {
  large: measureLarge,
  medium: measureMedium,
  small: measureSmall,
  latency: measureLatency,
  websocket: measureWebSocket,
  fresh: measureFresh,
  memory: measureMemory,
  idle: measureIdle,
}

export function addBandwidth(program: Command): void {
  program
    .command('bandwidth')
    .description('reads and writes over loopback, large and small, beside bare pairs of sockets and beside Redis')
    .option('--rounds <number>', 'counted rounds, in which the figures take turns', countFrom(1), 5)
    .option('--amount <MiB>', 'what a figure of large operations moves in a round, in MiB', countFrom(8), 1024)
    .option('--stream <MiB>', 'what is streamed to see how a client grows, in MiB; 0 leaves that out', countFrom(0), 4096)
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

async function showFigures({ rounds, amount, stream, only, json }: Options): Promise<void> {
  const measured: Measured = {}
  for (const [index, name] of only.entries()) {
    const progress = (text: string): void => showProgress(`${index + 1}/${only.length} ${sections[name]}: ${text}`)
    Object.assign(measured, await stages[name]({ rounds, amountMiB: amount, streamMiB: stream, progress }))
  }
  endProgress()
  const medians = mediansOf(measured)
  if (json) console.log(JSON.stringify({ bandwidth: jsonOf(medians) }))
  else for (const line of tableOf(medians, only)) console.log(line)
}

async function showTable({ rounds, json }: Options): Promise<void> {
  const results = await measureTable(rounds, showProgress)
  endProgress()
  if (json) console.log(JSON.stringify({ bandwidthTable: jsonOf(results) }))
  else for (const line of linesOfTable(results)) console.log(line)
}
