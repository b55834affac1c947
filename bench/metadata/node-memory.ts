/** What one node costs the metadata server, measured in its own process. */
import { catalogue } from '../../protocol/catalogue.ts'
import type { ConnectionCore } from '../../protocol/connection.ts'
import { connectTo } from '../echo.ts'
import { pipelined } from '../pipelined.ts'
import { ServerProcess } from '../server-process.ts'

/** Small, and never written to: a block that is only handed out takes no memory on its server. */
const BLOCK_BYTES = 4096
const IN_FLIGHT = 256

/** Bytes (`heapUsed + external` after a forced collection) for each of so many one-block files with names of 13 characters. */
export async function bytesPerNode(nodes: number, progress: (text: string) => void): Promise<number> {
  await using metadata = await ServerProcess.start('metadata', ['--block-size', `${BLOCK_BYTES}`])
  const capacity = ['--capacity', `${(nodes + IN_FLIGHT) * BLOCK_BYTES}`, '--kind', 'dram']
  const storage = await ServerProcess.start('storage', ['--metadata', metadata.address, ...capacity])
  const connection = await connectTo(metadata.address)
  try {
    await connection.request(catalogue.create, { path: '/files', type: 'directory' })
    const before = await metadata.memory()
    await fill(connection, nodes, progress)
    return ((await metadata.memory()) - before) / nodes
  } finally {
    connection.close()
    await storage.stop()
  }
}

async function fill(connection: ConnectionCore, nodes: number, progress: (text: string) => void): Promise<void> {
  await pipelined(nodes, IN_FLIGHT, async index => {
    if (index % 10_000 === 0) progress(`memory per node: ${index} of ${nodes}`)
    const path = `/files/f${index.toString().padStart(12, '0')}`
    const { head } = await connection.request(catalogue.openWrite, { path, mode: 'put', blocks: 1 })
    if (head.locations.length !== 1) throw new Error(`no block is left for ${path}`)
    await connection.request(catalogue.commit, { claim: head.claim, size: BLOCK_BYTES, close: true })
  })
}
