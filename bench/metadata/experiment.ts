import type { Experiment } from '../experiment.ts'
import { type RateFigures, type RateKind, ratesExperiment } from '../rates.ts'
import type { Rounds } from '../rounds.ts'
import { LEAST_OF_IOREDIS, MOST_BYTES_PER_NODE, operationNames, targets } from './report.ts'
import { defaults, type MetadataRounds, runMetadata } from './run.ts'

const many = 'metadata operations with 64 in flight'
const single = 'metadata operations with one in flight'
const rest = 'REST by autocannon with 64 connections'
const peers = 'Redis, values of 1 KiB with 64 in flight'
/** Before names that would otherwise be there twice. */
const SINGLE = 'one '
const REST = 'REST '

function kindsOf(): Record<string, RateKind> {
  const names = ['echo', ...operationNames]
  const ioredis = { inlinePut: 'ioredisPut', inlineGet: 'ioredisGet' } as Readonly<Record<string, string>>
  const kindOf = (name: string): RateKind => {
    const [target, peer] = [targets[name], ioredis[name]]
    return {
      section: many,
      unit: 'op/s',
      targets: [
        ...(target ? [{ of: [target.of], least: target.ratio }] : []),
        ...(peer ? [{ of: [peer], least: LEAST_OF_IOREDIS }] : []),
      ],
    }
  }
  const redis = ['ioredisPut', 'ioredisGet', 'redisBenchmarkPut', 'redisBenchmarkGet']
  return Object.fromEntries<RateKind>([
    ...names.map(name => [name, kindOf(name)] as const),
    ...redis.map(name => [name, { section: peers, unit: 'op/s' }] as const),
    ...[...names, 'ioredisPut', 'ioredisGet'].map(name => [SINGLE + name, { section: single, unit: 'op/s' }] as const),
    ...['create', 'lookup'].map(name => [REST + name, { section: rest, unit: 'op/s' }] as const),
    ['heapBytesPerNode', { section: 'memory of the metadata server', unit: 'B/node', most: MOST_BYTES_PER_NODE }],
  ])
}

export const metadataExperiment: Experiment<RateFigures> = ratesExperiment({
  name: 'metadata',
  title: 'Metadata operations',
  seconds: 110,
  kinds: kindsOf(),
  drawn: many,
  async run({ quick }, progress) {
    const { rounds, results } = await runMetadata(quick ? { rounds: 2, amount: 100, nodes: 0 } : defaults, progress)
    return { ...flat(rounds), ...(results.heapBytesPerNode !== undefined && { heapBytesPerNode: [results.heapBytesPerNode] }) }
  },
})

function flat({ inFlight, oneInFlight, rest: requests, redisBenchmark }: MetadataRounds): Rounds {
  const renamed = (rounds: Rounds, rename: (name: string) => string): Rounds =>
    Object.fromEntries(Object.entries(rounds).map(([name, values]) => [rename(name), values]))
  return {
    ...inFlight,
    ...renamed(oneInFlight, name => SINGLE + name),
    ...renamed(requests, name => REST + name),
    ...(redisBenchmark && { redisBenchmarkPut: redisBenchmark['put']!, redisBenchmarkGet: redisBenchmark['get']! }),
  }
}
