/** 1 KiB operations: reads and writes of blocks beside the bare pair, and beside ioredis. */
import { StoreClient } from '../../client/index.ts'
import { LocalCluster } from '../../cluster/index.ts'
import { MEMORY_BYTES, PeerProcess } from '../peer-process.ts'
import { RedisPeers } from '../redis/redis-peers.ts'
import { interleaved } from '../rounds.ts'
import { fileRead, fileWrite, warmFile } from '../store-figures.ts'
import { BODY_BYTES, IN_FLIGHT } from './small-format.ts'
import { smallPeer, smallRead, smallWrite } from './small-pair.ts'
import { type Measured, measured, type NamedFigure, type StageOptions } from './stage.ts'

const KEYS = 10_000
const OPERATIONS_PER_MIB = 128
/** ioredis is slower, so its rounds are shorter. */
const REDIS_SHARE = 4

export async function measureSmall({ rounds, amountMiB, progress }: StageOptions): Promise<Measured> {
  using peer = await PeerProcess.start(smallPeer)
  await using cluster = await LocalCluster.start({ capacity: MEMORY_BYTES, activeServers: 0 })
  await using store = await StoreClient.connect(cluster.address)
  await using redis = await RedisPeers.start({ valueBytes: BODY_BYTES, keys: KEYS, autoPipelining: true })
  const file = await warmFile(store, '/file', MEMORY_BYTES)
  await using handle = await file.open({ write: true })
  const operations = amountMiB * OPERATIONS_PER_MIB
  const amount = (operations * BODY_BYTES) / 1e6
  const load = { operations: Math.ceil(operations / REDIS_SHARE), inFlight: IN_FLIGHT, unit: BODY_BYTES / 1e6 }
  const figures: NamedFigure[] = [
    { name: 'socketWrite1KiB', amount, work: () => smallWrite(peer.port, operations) },
    { name: 'blockWrite1KiB', amount, work: () => fileWrite(handle, BODY_BYTES, MEMORY_BYTES, operations) },
    ...(redis ? [redis.set('ioredisSet1KiB', redis.ioredis, load)] : []),
    { name: 'socketRead1KiB', amount, work: () => smallRead(peer.port, operations) },
    { name: 'blockRead1KiB', amount, work: () => fileRead(file, BODY_BYTES, MEMORY_BYTES, operations) },
    ...(redis ? [redis.get('ioredisGet1KiB', redis.ioredis, load)] : []),
  ]
  return measured(await interleaved(figures, rounds, progress))
}
