/** How much servers and clients grow with what goes through them; measured once each. */
import os from 'node:os'
import { LocalCluster } from '../../cluster/index.ts'
import { LoneClient } from './lone-client-process.ts'
import { serverGrowth } from './server-memory.ts'
import type { Measured, StageOptions } from './stage.ts'

const MIB = 1 << 20
/** So much of a machine's memory stays free. */
const SPARE_BYTES = 1024 * MIB
/** 64 connections move so many times what a figure of large operations does. */
const SERVER_SHARE = 4

export async function measureMemory({ amountMiB, streamMiB, progress }: StageOptions): Promise<Measured> {
  progress('64 connections write')
  const server = { serverGrowth: [await serverGrowth(amountMiB * SERVER_SHARE)] }
  const bytes = streamMiB * MIB
  // What is streamed is kept until it has been read.
  if (bytes === 0 || os.freemem() < bytes + SPARE_BYTES) return server
  await using cluster = await LocalCluster.start({ capacity: bytes, activeServers: 0 })
  const growthOf = async (name: 'write' | 'read'): Promise<number> => {
    progress(`streaming ${streamMiB} MiB: ${name}`)
    await using client = await LoneClient.start(cluster.address)
    return (await client.perform({ name, path: '/streamed', bytes })) / MIB
  }
  return { ...server, clientWriteGrowth: [await growthOf('write')], clientReadGrowth: [await growthOf('read')] }
}
