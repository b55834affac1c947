/** 1 KiB operations one after the other: the store, the same with a server that spins, bare pairs, and redis-benchmark with one client. */
import { type FileNode, StoreClient } from '../../client/index.ts'
import { LocalCluster } from '../../cluster/index.ts'
import { PeerProcess } from '../peer-process.ts'
import { pipelined } from '../pipelined.ts'
import { RedisPeers } from '../redis/redis-peers.ts'
import { interleaved } from '../rounds.ts'
import { ServerProcess } from '../server-process.ts'
import { warmFile } from '../store-figures.ts'
import { TURNING } from './small-format.ts'
import { smallPeer, smallRead, smallWrite } from './small-pair.ts'
import { type Measured, measured, type NamedFigure, type StageOptions } from './stage.ts'

const OP_BYTES = 1 << 10
const FILE_BYTES = 16 << 20
const KEYS = 10_000
const OPERATIONS_PER_MIB = 20
export const SPIN_CLASS = 'spin'

export async function measureLatency(options: StageOptions): Promise<Measured> {
  const classes = { storageClasses: ['dram', SPIN_CLASS] }
  await using cluster = await LocalCluster.start({ capacity: FILE_BYTES, activeServers: 0, ...classes })
  const spinning = await startSpinning(new URL(cluster.address).host, FILE_BYTES)
  try {
    return await measureAt(cluster.address, options)
  } finally {
    await spinning.stop()
  }
}

async function measureAt(address: string, { rounds, amountMiB, progress }: StageOptions): Promise<Measured> {
  await using store = await StoreClient.connect(address)
  using peer = await PeerProcess.start(smallPeer, FILE_BYTES)
  await using redis = await RedisPeers.start({ valueBytes: OP_BYTES, keys: KEYS, autoPipelining: false })
  const operations = amountMiB * OPERATIONS_PER_MIB
  const load = { operations, inFlight: 1, unit: 1 }
  const plain = singleFigures(await warmFile(store, '/plain', FILE_BYTES, { storageClass: ['dram'] }), operations)
  const spin = singleFigures(await warmFile(store, '/spin', FILE_BYTES, { storageClass: [SPIN_CLASS] }), operations)
  // It would keep a core busy while others are measured.
  const turning = async (work: (port: number) => Promise<void>): Promise<void> => {
    using other = await PeerProcess.start(smallPeer, FILE_BYTES, [TURNING])
    await work(other.port)
  }
  const pair = (name: NamedFigure['name'], work: () => Promise<void>): NamedFigure => ({ name, amount: operations, work })
  const figures: NamedFigure[] = [
    ...(redis ? [redis.benchmark('redisLatencySet1KiB', 'set', load)] : []),
    pair('pairLatencyWrite1KiB', () => smallWrite(peer.port, operations, 1)),
    { name: 'latencyWrite1KiB', ...plain.write },
    pair('pairLatencySpinWrite1KiB', () => turning(port => smallWrite(port, operations, 1))),
    { name: 'latencySpinWrite1KiB', ...spin.write },
    ...(redis ? [redis.benchmark('redisLatencyGet1KiB', 'get', load)] : []),
    pair('pairLatencyRead1KiB', () => smallRead(peer.port, operations, 1)),
    { name: 'latencyRead1KiB', ...plain.read },
    pair('pairLatencySpinRead1KiB', () => turning(port => smallRead(port, operations, 1))),
    { name: 'latencySpinRead1KiB', ...spin.read },
  ]
  return measured(await interleaved(figures, rounds, progress))
}

/** A second storage server, in a class of its own. */
export function startSpinning(metadata: string, capacityBytes: number): Promise<ServerProcess> {
  const where = ['--metadata', metadata, '--class', SPIN_CLASS]
  return ServerProcess.start('storage', [...where, '--capacity', `${capacityBytes}`, '--spin'])
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
