/** How much a storage server grows while 64 connections write. */
import { setTimeout as pause } from 'node:timers/promises'
import { StoreClient } from '../../client/index.ts'
import { LocalCluster } from '../../cluster/index.ts'
import { ServerProcess } from '../server-process.ts'
import { fileWrite } from '../store-figures.ts'

const OP_BYTES = 1 << 20
const CONNECTIONS = 64
const SETTLE_MS = 500
const FILE_BYTES = 8 << 20
/** Files ask for blocks ahead of need: some have them while others still ask. */
const CAPACITY_BYTES = 2 * CONNECTIONS * FILE_BYTES

/** MiB of resident size beyond that of the idle server, less the blocks, each of which is written to its end. */
export async function serverGrowth(amountMiB: number): Promise<number> {
  await using cluster = await LocalCluster.start({ storageServers: 0, activeServers: 0 })
  const address = new URL(cluster.address).host
  // What the server touches ahead of use would count for growth before it is a block.
  const flags = ['--metadata', address, '--capacity', `${CAPACITY_BYTES}`, '--prefault', 'off']
  await using server = await ServerProcess.start('storage', flags)
  const stores = await Promise.all(Array.from({ length: CONNECTIONS }, () => StoreClient.connect(cluster.address)))
  try {
    // Idle is what it is once the garbage of starting has gone.
    await server.memory()
    await pause(SETTLE_MS)
    await server.watched()
    const { residentBytes: idle } = await server.watched()
    await Promise.all(stores.map((store, index) => write(store, `/file-${index}`, Math.ceil(amountMiB / CONNECTIONS))))
    const { residentBytes: busy } = await server.watched()
    return (busy - idle - CONNECTIONS * FILE_BYTES) / (1 << 20)
  } finally {
    for (const store of stores) await store.close()
  }
}

async function write(store: StoreClient, path: string, operations: number): Promise<void> {
  const file = await store.create(path, 'file')
  await using handle = await file.open({ write: true })
  await fileWrite(handle, OP_BYTES, FILE_BYTES, Math.max(operations, FILE_BYTES / OP_BYTES))
}
