/** 1 MiB operations on files over WebSocket, beside a bare pair of `ws`. */
import { StoreClient } from '../../client/index.ts'
import { LocalCluster } from '../../cluster/index.ts'
import { MEMORY_BYTES, PeerProcess } from '../peer-process.ts'
import { interleaved, median } from '../rounds.ts'
import { fileRead, fileWrite, warmFile } from '../store-figures.ts'
import { type Measured, measured, type NamedFigure, type StageOptions } from './stage.ts'
import { OP_BYTES } from './ws-format.ts'
import { wsPairRead, wsPairWrite, wsPeer } from './ws-pair.ts'

/** Slower than the bare sockets, so a round moves less. */
const SHARE = 2

export async function measureWebSocket({ rounds, amountMiB, progress }: StageOptions): Promise<Measured> {
  using peer = await PeerProcess.start(wsPeer)
  await using cluster = await LocalCluster.start({ capacity: MEMORY_BYTES, activeServers: 0 })
  await using store = await StoreClient.connect(cluster.address.replace('http:', 'ws:'))
  const file = await warmFile(store, '/file', MEMORY_BYTES)
  await using handle = await file.open({ write: true })
  const operations = Math.ceil(amountMiB / SHARE)
  const amount = (operations * OP_BYTES) / 1e6
  const figures: NamedFigure[] = [
    { name: 'wsPairWrite', amount, work: () => wsPairWrite(peer.port, operations) },
    { name: 'wsWrite', amount, work: () => fileWrite(handle, OP_BYTES, MEMORY_BYTES, operations) },
    { name: 'wsPairRead', amount, work: () => wsPairRead(peer.port, operations) },
    { name: 'wsRead', amount, work: () => fileRead(file, OP_BYTES, MEMORY_BYTES, operations) },
  ]
  const all = measured(await interleaved(figures, rounds, progress))
  const { wsPairWrite: write = [], wsPairRead: read = [] } = all
  return { ...all, ws: median(write) > median(read) ? write : read }
}
