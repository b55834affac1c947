/** 64 KiB operations: files beside the bare pair. */
import { StoreClient } from '../../client/index.ts'
import { LocalCluster } from '../../cluster/index.ts'
import { MEMORY_BYTES, PeerProcess } from '../peer-process.ts'
import { interleaved } from '../rounds.ts'
import { fileRead, fileWrite, warmFile } from '../store-figures.ts'
import { socketPeer, socketRead, socketWrite } from './socket-pair.ts'
import { type Measured, measured, type NamedFigure, type StageOptions } from './stage.ts'

const OP_BYTES = 64 << 10
/** A round moves half of what one of large operations does. */
const OPERATIONS_PER_MIB = 8

export async function measureMedium({ rounds, amountMiB, progress }: StageOptions): Promise<Measured> {
  using peer = await PeerProcess.start(socketPeer)
  await using cluster = await LocalCluster.start({ capacity: MEMORY_BYTES, activeServers: 0 })
  await using store = await StoreClient.connect(cluster.address)
  const file = await warmFile(store, '/file', MEMORY_BYTES)
  await using handle = await file.open({ write: true })
  const operations = amountMiB * OPERATIONS_PER_MIB
  const amount = (operations * OP_BYTES) / 1e6
  const figures: NamedFigure[] = [
    { name: 'socketWrite64KiB', amount, work: () => socketWrite(peer.port, OP_BYTES, operations) },
    { name: 'fileWrite64KiB', amount, work: () => fileWrite(handle, OP_BYTES, MEMORY_BYTES, operations) },
    { name: 'socketRead64KiB', amount, work: () => socketRead(peer.port, OP_BYTES, operations) },
    { name: 'fileRead64KiB', amount, work: () => fileRead(file, OP_BYTES, MEMORY_BYTES, operations) },
  ]
  return measured(await interleaved(figures, rounds, progress))
}
