/** 1 MiB operations: files and actions beside the bare pair, and beside Redis. */
import { fileURLToPath } from 'node:url'
import { StoreClient } from '../../client/index.ts'
import { LocalCluster } from '../../cluster/index.ts'
import { MEMORY_BYTES, PeerProcess } from '../peer-process.ts'
import { RedisPeers } from '../redis/redis-peers.ts'
import { interleaved } from '../rounds.ts'
import { actionRead, actionWrite, fileRead, fileWrite, inFlight, warmFile } from '../store-figures.ts'
import { socketPeer, socketRead, socketWrite } from './socket-pair.ts'
import { type Measured, measured, type NamedFigure, type StageOptions } from './stage.ts'

const MIB = 1 << 20
/** The clients of Redis are slower; so their rounds are shorter. */
const REDIS_SHARE = 4

export async function measureLarge({ rounds, amountMiB: operations, progress }: StageOptions): Promise<Measured> {
  using peer = await PeerProcess.start(socketPeer)
  await using cluster = await LocalCluster.start({ capacity: MEMORY_BYTES, threads: 2 })
  await using store = await StoreClient.connect(cluster.address)
  await using redis = await RedisPeers.start({ valueBytes: MIB, keys: MEMORY_BYTES / MIB, autoPipelining: false })
  const ours = await storeFigures(store, operations)
  const amount = (operations * MIB) / 1e6
  const figures: NamedFigure[] = [
    { name: 'socketWrite', amount, work: () => socketWrite(peer.port, MIB, operations) },
    { name: 'socketRead', amount, work: () => socketRead(peer.port, MIB, operations) },
    ...ours,
    ...(redis ? redisFigures(redis, Math.ceil(operations / REDIS_SHARE)) : []),
  ]
  // What is held against each other is measured one right after the other.
  const inDirection = (direction: RegExp): NamedFigure[] => figures.filter(({ name }) => direction.test(name))
  return measured(await interleaved([...inDirection(/Write|Set/), ...inDirection(/Read|Get/)], rounds, progress))
}

async function storeFigures(store: StoreClient, operations: number): Promise<NamedFigure[]> {
  const file = await warmFile(store, '/file', MEMORY_BYTES)
  const totalBytes = operations * MIB
  const amount = totalBytes / 1e6
  await store.deploy(fileURLToPath(new URL('../bench-actions.js', import.meta.url)))
  const drain = await store.create('/drain', 'action')
  await drain.create('bench-actions/Drain')
  const generate = await store.create('/generate', 'action')
  await generate.create('bench-actions/Generate', { params: { bytes: totalBytes, pieceBytes: MIB } })
  const writeFile = async (): Promise<void> => {
    await using handle = await file.open({ write: true })
    await fileWrite(handle, MIB, MEMORY_BYTES, operations)
  }
  return [
    { name: 'fileWrite', amount, work: writeFile },
    { name: 'actionWrite', amount, work: () => actionWrite(drain, MIB, operations) },
    { name: 'fileRead', amount, work: () => fileRead(file, MIB, MEMORY_BYTES, operations) },
    { name: 'actionRead', amount, work: () => actionRead(generate, MIB, totalBytes) },
  ]
}

function redisFigures(redis: RedisPeers, operations: number): NamedFigure[] {
  const load = { operations, inFlight: inFlight(MIB), unit: MIB / 1e6 }
  return [
    redis.benchmark('redisBenchmarkSet', 'set', load),
    redis.set('ioredisSet', redis.ioredis, load),
    redis.set('nodeRedisSet', redis.nodeRedis, load),
    redis.benchmark('redisBenchmarkGet', 'get', load),
    redis.get('ioredisGet', redis.ioredis, load),
    redis.get('nodeRedisGet', redis.nodeRedis, load),
  ]
}
