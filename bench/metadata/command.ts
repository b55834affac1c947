import type { Command } from 'commander'
import { StoreClient } from '../../client/index.ts'
import { LocalCluster, type LocalClusterOptions } from '../../cluster/index.ts'
import { countFrom } from '../count.ts'
import { EchoClient } from '../echo.ts'
import { endProgress, showProgress } from '../progress.ts'
import { RedisServer } from '../redis/redis-server.ts'
import { interleaved, median, medians } from '../rounds.ts'
import { startJournaled } from './journal.ts'
import { bytesPerNode } from './node-memory.ts'
import { RedisFigures } from './redis-figures.ts'
import { jsonOf, type Rates, type RedisRates, type Results, tableOf } from './report.ts'
import { restFigures } from './rest-figures.ts'
import { createFigure, namesFor, prepare, storeFigures } from './store-figures.ts'

const IN_FLIGHT = 64
/** One in flight is slower by so much, and REST too; their rounds are shorter by as much. */
const SLOWER_BY = 10
const REST_SLOWER_BY = 4
/** redis-benchmark is quicker: fewer would be over at once. */
const BENCHMARK_FASTER_BY = 5

/** Only a metadata server: none of the figures goes anywhere else. */
const servers: LocalClusterOptions = { storageServers: 0, activeServers: 0 }

interface Options {
  readonly rounds: number
  readonly amount: number
  readonly nodes: number
  readonly json?: boolean
}

export function addMetadata(program: Command): void {
  program
    .command('metadata')
    .description('operations of the metadata server, beside an echo over the same connection class, and beside Redis')
    .option('--rounds <number>', 'counted rounds, in which the figures take turns', countFrom(1), 5)
    .option('--amount <number>', 'operations of each figure in a round, with 64 in flight', countFrom(SLOWER_BY), 20_000)
    .option('--nodes <number>', 'files by which the memory per node is measured; 0 leaves that out', countFrom(0), 1_000_000)
    .option('--json', 'print one JSON object and nothing else')
    .action(metadata)
}

async function metadata({ rounds, amount, nodes, json }: Options): Promise<void> {
  const operations = await measureOperations(rounds, amount)
  const heapBytesPerNode = nodes > 0 ? await bytesPerNode(nodes, showProgress) : undefined
  endProgress()
  const results: Results = { ...operations, heapBytesPerNode }
  if (json) console.log(JSON.stringify(jsonOf(results)))
  else for (const line of tableOf(results)) console.log(line)
}

async function measureOperations(rounds: number, amount: number): Promise<Omit<Results, 'heapBytesPerNode'>> {
  const closers: (() => Promise<unknown> | void)[] = []
  try {
    const cluster = await LocalCluster.start(servers)
    closers.push(() => cluster.stop())
    const store = await StoreClient.connect(cluster.address)
    closers.push(() => store.close())
    const echo = await EchoClient.connect(new URL(cluster.address).host)
    closers.push(() => echo.close())
    const journaled = await startJournaled(servers)
    closers.push(() => journaled.stop())
    const journaledStore = await StoreClient.connect(journaled.cluster.address)
    closers.push(() => journaledStore.close())
    const server = await RedisServer.start()
    const redis = server && new RedisFigures(server)
    if (redis) closers.push(() => redis.stop())
    const names = namesFor(amount)
    showProgress('preparing')
    await prepare(store, names)

    const measured = async (operations: number, inFlight: number): Promise<Rates> => {
      const figures = await storeFigures(store, echo, names, operations, inFlight)
      figures.push(createFigure('createJournaled', journaledStore, names, operations, inFlight))
      if (redis) figures.push(...redis.figures(names, operations, inFlight))
      return medians(await interleaved(figures, rounds, text => showProgress(`${inFlight} in flight, ${text}`)))
    }
    const rates = await measured(amount, IN_FLIGHT)
    const oneInFlight = await measured(Math.floor(amount / SLOWER_BY), 1)
    const requests = restFigures(cluster.address, names, Math.ceil(amount / REST_SLOWER_BY), IN_FLIGHT)
    const rest = medians(await interleaved(requests, rounds, text => showProgress(`REST, ${text}`)))
    return { rates, oneInFlight, rest, redis: redis && (await redisRates(redis, rates, rounds, amount)) }
  } finally {
    for (const close of closers.reverse()) await close()
  }
}

async function redisRates(redis: RedisFigures, rates: Rates, rounds: number, amount: number): Promise<RedisRates> {
  const runs: { put: number; get: number }[] = []
  for (let round = 0; round < rounds; round++) {
    showProgress(`redis-benchmark, round ${round + 1} of ${rounds}`)
    runs.push(await redis.benchmark(amount * BENCHMARK_FASTER_BY, IN_FLIGHT))
  }
  return {
    ioredisPut: rates['ioredisPut']!,
    ioredisGet: rates['ioredisGet']!,
    benchmarkPut: median(runs.map(({ put }) => put)),
    benchmarkGet: median(runs.map(({ get }) => get)),
  }
}
