/** 1 KiB operations one after the other: the store, the same with a server that spins, and redis-benchmark with one client. */
import { type FileNode, StoreClient } from '../../client/index.ts'
import { LocalCluster } from '../../cluster/index.ts'
import { pipelined } from '../pipelined.ts'
import { RedisPeers } from '../redis/redis-peers.ts'
import { interleaved } from '../rounds.ts'
import { ServerProcess } from '../server-process.ts'
import { SPIN_FLAG, storageKnows } from '../storage-flags.ts'
import { warmFile } from '../store-figures.ts'
import { type Measured, measured, type NamedFigure, type StageOptions } from './stage.ts'

const OP_BYTES = 1 << 10
const FILE_BYTES = 16 << 20
const KEYS = 10_000
const OPERATIONS_PER_MIB = 20
export const SPIN_CLASS = 'spin'

export async function measureLatency({ rounds, amountMiB, progress }: StageOptions): Promise<Measured> {
  const classes = { storageClasses: ['dram', SPIN_CLASS] }
  await using cluster = await LocalCluster.start({ capacity: FILE_BYTES, activeServers: 0, ...classes })
  await using spinning = await startSpinning(new URL(cluster.address).host, FILE_BYTES)
  await using store = await StoreClient.connect(cluster.address)
  await using redis = await RedisPeers.start({ valueBytes: OP_BYTES, keys: KEYS, autoPipelining: false })
  const operations = amountMiB * OPERATIONS_PER_MIB
  const load = { operations, inFlight: 1, unit: 1 }
  const plain = singleFigures(await warmFile(store, '/plain', FILE_BYTES, { storageClass: ['dram'] }), operations)
  const spin = spinning && singleFigures(await warmFile(store, '/spin', FILE_BYTES, { storageClass: [SPIN_CLASS] }), operations)
  const figures: NamedFigure[] = [
    ...(redis ? [redis.benchmark('redisLatencySet1KiB', 'set', load)] : []),
    { name: 'latencyWrite1KiB', ...plain.write },
    ...(spin ? [{ name: 'latencySpinWrite1KiB', ...spin.write } as const] : []),
    ...(redis ? [redis.benchmark('redisLatencyGet1KiB', 'get', load)] : []),
    { name: 'latencyRead1KiB', ...plain.read },
    ...(spin ? [{ name: 'latencySpinRead1KiB', ...spin.read } as const] : []),
  ]
  return measured(await interleaved(figures, rounds, progress))
}

/** A second storage server, in a class of its own; undefined where servers cannot spin. */
export async function startSpinning(metadata: string, capacityBytes: number): Promise<ServerProcess | undefined> {
  if (!(await storageKnows(SPIN_FLAG))) return undefined
  const where = ['--metadata', metadata, '--class', SPIN_CLASS]
  return ServerProcess.start('storage', [...where, '--capacity', `${capacityBytes}`, SPIN_FLAG])
}

type Work = Pick<NamedFigure, 'amount' | 'work'>

function singleFigures(file: FileNode, operations: number): { write: Work; read: Work } {
  const data = Buffer.alloc(OP_BYTES, 7)
  const positionOf = (index: number): number => (index * OP_BYTES) % FILE_BYTES
  const write = async (): Promise<void> => {
    await using handle = await file.open({ write: true })
    await pipelined(operations, 1, index => handle.write(positionOf(index), data))
  }
  const read = async (): Promise<void> => {
    await using handle = await file.open()
    await pipelined(operations, 1, index => handle.read(positionOf(index), data))
  }
  return { write: { amount: operations, work: write }, read: { amount: operations, work: read } }
}
