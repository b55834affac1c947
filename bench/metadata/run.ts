import { StoreClient } from '../../client/index.ts'
import { LocalCluster, type LocalClusterOptions } from '../../cluster/index.ts'
import { EchoClient } from '../echo.ts'
import type { Progress } from '../experiment.ts'
import { RedisServer } from '../redis/redis-server.ts'
import { interleaved, median, medians, type Rounds } from '../rounds.ts'
import { startJournaled } from './journal.ts'
import { bytesPerNode } from './node-memory.ts'
import { RedisFigures } from './redis-figures.ts'
import type { Results } from './report.ts'
import { restFigures } from './rest-figures.ts'
import { createFigure, namesFor, prepare, storeFigures } from './store-figures.ts'

const IN_FLIGHT = 64
/** One in flight is slower by so much, and REST too; their rounds are shorter by as much. */
export const SLOWER_BY = 10
const REST_SLOWER_BY = 4
/** redis-benchmark is quicker: fewer would be over at once. */
const BENCHMARK_FASTER_BY = 5

/** Only a metadata server: none of the figures goes anywhere else. */
const servers: LocalClusterOptions = { storageServers: 0, activeServers: 0 }

export interface MetadataOptions {
  readonly rounds: number
  /** Operations of each figure in a round, with 64 in flight. */
  readonly amount: number
  /** Files by which the memory per node is measured; 0 leaves that out. */
  readonly nodes: number
}

export const defaults: MetadataOptions = { rounds: 5, amount: 20_000, nodes: 1_000_000 }

/** The raw rounds of all that was measured, by what it was measured with. */
export interface MetadataRounds {
  readonly inFlight: Rounds
  readonly oneInFlight: Rounds
  readonly rest: Rounds
  /** Undefined where there is no Redis. */
  readonly redisBenchmark: Rounds | undefined
}

export async function runMetadata(
  { rounds, amount, nodes }: MetadataOptions,
  progress: Progress,
): Promise<{ results: Results; rounds: MetadataRounds }> {
  const measured = await measureOperations(rounds, amount, progress)
  const heapBytesPerNode = nodes > 0 ? await bytesPerNode(nodes, progress) : undefined
  const { inFlight, oneInFlight, rest, redisBenchmark } = measured
  const rates = medians(inFlight)
  const redis = redisBenchmark && {
    ioredisPut: rates['ioredisPut']!,
    ioredisGet: rates['ioredisGet']!,
    benchmarkPut: median(redisBenchmark['put']!),
    benchmarkGet: median(redisBenchmark['get']!),
  }
  const results = { rates, oneInFlight: medians(oneInFlight), rest: medians(rest), heapBytesPerNode, redis }
  return { results, rounds: measured }
}

async function measureOperations(rounds: number, amount: number, progress: Progress): Promise<MetadataRounds> {
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
    progress('preparing')
    await prepare(store, names)

    const measured = async (operations: number, inFlight: number): Promise<Rounds> => {
      const figures = await storeFigures(store, echo, names, operations, inFlight)
      figures.push(createFigure('createJournaled', journaledStore, names, operations, inFlight))
      if (redis) figures.push(...redis.figures(names, operations, inFlight))
      return interleaved(figures, rounds, text => progress(`${inFlight} in flight, ${text}`))
    }
    const inFlight = await measured(amount, IN_FLIGHT)
    const oneInFlight = await measured(Math.floor(amount / SLOWER_BY), 1)
    const requests = restFigures(cluster.address, names, Math.ceil(amount / REST_SLOWER_BY), IN_FLIGHT)
    const rest = await interleaved(requests, rounds, text => progress(`REST, ${text}`))
    const redisBenchmark = redis && (await benchmarkRounds(redis, rounds, amount, progress))
    return { inFlight, oneInFlight, rest, redisBenchmark }
  } finally {
    for (const close of closers.reverse()) await close()
  }
}

async function benchmarkRounds(redis: RedisFigures, rounds: number, amount: number, progress: Progress): Promise<Rounds> {
  const results = { put: [] as number[], get: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    progress(`redis-benchmark, round ${round + 1} of ${rounds}`)
    const { put, get } = await redis.benchmark(amount * BENCHMARK_FASTER_BY, IN_FLIGHT)
    results.put.push(put)
    results.get.push(get)
  }
  return results
}
