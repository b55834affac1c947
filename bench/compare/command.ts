import { type Command, InvalidArgumentError } from 'commander'
import { outcomeOf, type Results, readResults } from '../all/results.ts'
import type { Table } from '../experiment.ts'
import { printTable } from '../tables.ts'
import { type Change, compareRuns, type RoundsOfRun, type Verdict } from './compare.ts'

/** With five rounds each, every round of the one has to be beyond every round of the other. */
const CONFIDENCE = 0.99

interface Options {
  readonly confidence: number
  readonly all?: boolean
  readonly json?: boolean
}

export function addCompare(program: Command): void {
  program
    .command('compare')
    .description('what has changed beyond the noise between two runs of `all`')
    .argument('<before>', 'results.json of the one')
    .argument('<after>', 'results.json of the other')
    .option('--confidence <number>', 'of the intervals, above 0 and below 1', confidence, CONFIDENCE)
    .option('--all', 'show what has not changed as well')
    .option('--json', 'print one JSON object and nothing else')
    .action(compare)
}

async function compare(before: string, after: string, { confidence: wanted, all = false, json }: Options): Promise<void> {
  const [earlier, later] = await Promise.all([readResults(before), readResults(after)])
  const changes = compareRuns(roundsOf(earlier), roundsOf(later), wanted)
  if (json) {
    console.log(JSON.stringify({ compare: changes }))
    return
  }
  for (const line of differences(earlier, later)) console.log(line)
  for (const table of tablesOf(changes, all)) printTable(table)
  console.log(summaryOf(changes, wanted))
}

function roundsOf(results: Results): RoundsOfRun {
  const names = Object.keys(results.experiments)
  return Object.fromEntries(names.map(name => [name, outcomeOf(results, name)?.rounds ?? {}]))
}

/** Machines that are not alike say little about each other. */
function differences(before: Results, after: Results): string[] {
  const facts = ({ machine, versions, quick }: Results): Record<string, unknown> => {
    const { cpu, cores, memoryBytes, platform, kernel } = machine
    return { cpu, cores, memoryBytes, platform, kernel, node: versions.node, redis: versions.redis, quick }
  }
  const [earlier, later] = [facts(before), facts(after)]
  return Object.keys(earlier)
    .filter(fact => earlier[fact] !== later[fact])
    .map(fact => `not measured alike: ${fact} was ${String(earlier[fact])}, and is ${String(later[fact])}`)
}

export function tablesOf(changes: readonly Change[], all: boolean): Table[] {
  const told = changes.filter(({ verdict }) => all || (verdict !== 'within the noise' && verdict !== 'too few rounds'))
  return [...new Set(told.map(({ experiment }) => experiment))].map(name => ({
    caption: name,
    head: ['figure', 'before', 'after', 'ratio', 'interval', 'verdict'],
    rows: told.filter(({ experiment }) => experiment === name).map(rowOf),
  }))
}

function rowOf({ figure, unit, before, after, ratio, interval, verdict }: Change): string[] {
  const cell = (value: number | undefined): string => (value === undefined ? '' : `${Number(value.toPrecision(4))} ${unit}`)
  const bounds = interval ? `${interval.low.toFixed(2)}–${interval.high.toFixed(2)}` : ''
  return [figure, cell(before), cell(after), ratio?.toFixed(2) ?? '', bounds, verdict]
}

export function summaryOf(changes: readonly Change[], wanted: number): string {
  const count = (verdict: Verdict): number => changes.filter(change => change.verdict === verdict).length
  const verdicts: readonly Verdict[] = ['better', 'worse', 'within the noise', 'too few rounds', 'only before', 'only after']
  const counts = verdicts.filter(verdict => count(verdict) > 0).map(verdict => `${count(verdict)} ${verdict}`)
  const method = `${100 * wanted} % intervals of the ratio, by inverting the exact Mann-Whitney test`
  return `${changes.length} figures: ${counts.join(', ')} (${method})`
}

function confidence(text: string): number {
  const value = Number(text)
  if (value > 0 && value < 1) return value
  throw new InvalidArgumentError('It has to be above 0 and below 1.')
}
