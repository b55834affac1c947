import type { Command } from 'commander'
import { countFrom } from '../count.ts'
import { endProgress, showProgress } from '../progress.ts'
import { type OverloadReport, overload, PIECE_BYTES } from './overload.ts'

interface Options {
  readonly connections: number
  readonly streams: number
  readonly json?: boolean
}

export function addOverload(program: Command): void {
  program
    .command('overload')
    .description(
      'very many idle connections and open action streams on one active server: what each costs, and what others notice',
    )
    .option('--connections <number>', 'idle connections', countFrom(1), 10_000)
    .option('--streams <number>', 'streams to one action, open at the same time', countFrom(1), 2_000)
    .option('--json', 'print one JSON object and nothing else')
    .action(async ({ connections, streams, json }: Options) => {
      const report = await overload({ connections, streams, progress: showProgress })
      endProgress()
      if (json) console.log(JSON.stringify({ overload: report }))
      else print(report)
    })
}

function print(report: OverloadReport): void {
  const kib = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`
  const rows: readonly (readonly [string, string])[] = [
    [`${report.connections} idle connections`, `${report.connectSeconds.toFixed(1)} s to open`],
    ['  memory of each', `${kib(report.residentBytesPerConnection)} resident, ${kib(report.heapBytesPerConnection)} in use`],
    [`${report.streams} open streams`, `${report.openSeconds.toFixed(1)} s to open`],
    ['  memory of each', `${kib(report.residentBytesPerStream)} resident, ${kib(report.heapBytesPerStream)} in use`],
    [`  each having written ${kib(PIECE_BYTES)}`, `${kib(report.residentBytesPerWritingStream)} resident`],
    ['  writing, and ending all', `${report.writeSeconds.toFixed(2)} s, ${report.endSeconds.toFixed(2)} s`],
    [
      'a call of another client',
      `${report.otherP50Ms.toFixed(2)} ms, 99 of 100 in ${report.otherP99Ms.toFixed(2)} ms (before: ${report.otherIdleP50Ms.toFixed(2)} ms)`,
    ],
    ['left once all are closed', kib(report.heapBytesLeft)],
  ]
  for (const [name, value] of rows) console.log(`${name.padEnd(32)}${value}`)
}
