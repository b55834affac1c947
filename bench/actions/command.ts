import type { Command } from 'commander'
import { countFrom } from '../count.ts'
import { endProgress, showProgress } from '../progress.ts'
import { medians } from '../rounds.ts'
import { sizes } from './figures.ts'
import { type ActionsOptions, defaults, runActions } from './run.ts'

interface Options extends ActionsOptions {
  readonly json?: boolean
}

export type Medians = Readonly<Record<string, number>>

export function addActions(program: Command): void {
  program
    .command('actions')
    .description('actions beside files, small streams beside requests, and lines summed up beside a plain loop')
    .option('--rounds <number>', 'counted rounds, in which the figures take turns', countFrom(1), defaults.rounds)
    .option('--amount <MiB>', 'what each figure moves in a round, in MiB', countFrom(1), defaults.amount)
    .option('--streams <number>', 'small streams in a round', countFrom(1), defaults.streams)
    .option('--json', 'print one JSON object and nothing else')
    .action(actions)
}

async function actions({ json, ...options }: Options): Promise<void> {
  const { rounds } = await runActions(options, showProgress)
  endProgress()
  const results = medians(rounds)
  if (json) console.log(JSON.stringify({ actions: jsonOf(results) }))
  else printTables(results)
}

export function jsonOf(results: Medians): object {
  const at = (name: string): number => Math.round(results[name]!)
  const transfers = (direction: string, kinds: readonly string[]): object =>
    Object.fromEntries(
      sizes.map(({ name }) => [name, Object.fromEntries(kinds.map(kind => [kind, at(`${direction} ${name} ${kind}`)]))]),
    )
  return {
    write: transfers('write', ['file', 'action', 'owned']),
    read: transfers('read', ['file', 'action']),
    parallel: { 1: at('parallel 1'), 2: at('parallel 2'), 4: at('parallel 4') },
    openClosePerSecond: at('openClose'),
    echoPerSecond: at('echo'),
    mergeMBps: at('merge'),
    mergeTextMBps: at('mergeText'),
    mergeBaselineMBps: at('mergeBaseline'),
  }
}

export function printTables(results: Medians): void {
  const line = (name: string, base: string, target: string): void => {
    const value = Math.round(results[name]!).toLocaleString('en').padStart(9)
    const share = name === base ? '' : (results[name]! / results[base]!).toFixed(2)
    console.log(`${name.padEnd(20)}${value}${share.padStart(7)}   ${target}`)
  }
  console.log('MB/s, and of the file')
  for (const direction of ['write', 'read']) {
    for (const { name } of sizes) {
      const file = `${direction} ${name} file`
      line(file, file, '')
      line(`${direction} ${name} action`, file, name === '1KiB' ? '' : 'at least 0.9')
      if (direction === 'write') line(`write ${name} owned`, file, name === '1KiB' ? '' : 'at least 0.65')
    }
  }
  console.log('\nMB/s of several actions together, and of one')
  for (const count of [1, 2, 4]) line(`parallel ${count}`, 'parallel 1', '')
  console.log('\nstreams of 100 bytes per second, and of the echo')
  line('echo', 'echo', '')
  line('openClose', 'echo', 'at least 0.3')
  console.log('\nMB/s of lines summed up, and of the same loop over a buffer')
  line('mergeBaseline', 'mergeBaseline', '')
  line('merge', 'mergeBaseline', 'at least 0.8, and 250 MB/s')
  line('mergeText', 'mergeBaseline', 'at least 130 MB/s')
}
