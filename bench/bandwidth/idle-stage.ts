/** What client and servers take of a core with connections open and nothing to do; measured once. */
import { fileURLToPath } from 'node:url'
import { StoreClient } from '../../client/index.ts'
import { processCpuSeconds } from '../process-cpu.ts'
import { ServerProcess } from '../server-process.ts'
import { warmFile } from '../store-figures.ts'
import { SPIN_CLASS, startSpinning } from './latency-stage.ts'
import { LoneClient } from './lone-client-process.ts'
import type { Measured, StageOptions } from './stage.ts'

const FILE_BYTES = 4 << 20
/** Until what came before is over, and V8 has collected what it left, which it does after up to twenty seconds of rest. */
const SETTLE_MS = 25_000
const IDLE_MS = 10_000

export async function measureIdle({ progress }: StageOptions): Promise<Measured> {
  await using metadata = await ServerProcess.start('metadata', ['--classes', `dram,${SPIN_CLASS}`])
  const where = ['--metadata', metadata.address]
  await using storage = await ServerProcess.start('storage', [...where, '--capacity', `${FILE_BYTES}`])
  await using active = await ServerProcess.start('active', where)
  await using spinning = await startSpinning(metadata.address, FILE_BYTES)
  const address = `http://${metadata.address}`
  const paths = await makeNodes(address)
  await using client = await LoneClient.start(address)
  await client.perform({ name: 'touch', paths })
  progress('doing nothing')
  await client.perform({ name: 'idle', milliseconds: SETTLE_MS })
  const servers = { idleStorage: storage, idleSpinStorage: spinning, idleActive: active, idleMetadata: metadata }
  const busy = (): (number | undefined)[] => Object.values(servers).map(({ pid }) => processCpuSeconds([pid]))
  const before = busy()
  const clientSeconds = await client.perform({ name: 'idle', milliseconds: IDLE_MS })
  const after = busy()
  const percent = (seconds: number): number[] => [(seconds / IDLE_MS) * 1e5]
  const measuredServers = Object.keys(servers).flatMap((name, index) => {
    const [from, to] = [before[index], after[index]]
    return from === undefined || to === undefined ? [] : [[name, percent(to - from)] as const]
  })
  return { idleClient: percent(clientSeconds), ...Object.fromEntries<number[]>(measuredServers) }
}

/** One on each server. */
async function makeNodes(address: string): Promise<string[]> {
  await using store = await StoreClient.connect(address)
  await store.deploy(fileURLToPath(new URL('../bench-actions.js', import.meta.url)))
  const action = await store.create('/action', 'action')
  await action.create('bench-actions/Drain')
  await warmFile(store, '/plain', FILE_BYTES, { storageClass: ['dram'] })
  await warmFile(store, '/spin', FILE_BYTES, { storageClass: [SPIN_CLASS] })
  return ['/action', '/plain', '/spin']
}
