/** What the first pass over memory costs that a server has just taken. */
import { setTimeout as pause } from 'node:timers/promises'
import { StoreClient } from '../../client/index.ts'
import { LocalCluster } from '../../cluster/index.ts'
import { median } from '../rounds.ts'
import { ServerProcess } from '../server-process.ts'
import { fileWrite } from '../store-figures.ts'
import type { Measured, StageOptions } from './stage.ts'

const OP_BYTES = 1 << 20
const FILE_BYTES = 256 << 20
const LATER_PASSES = 3
/** A server whose resident size has not grown for so long has touched what it wanted to. */
const QUIET_MS = 300
const LOOK_MS = 50
const GROWTH_BYTES = 1 << 20

/** Each round has servers of its own; one more before them warms up the client. */
export async function measureFresh({ rounds, progress }: StageOptions): Promise<Measured> {
  const firstPassWrite: number[] = []
  const laterPassWrite: number[] = []
  for (let round = 0; round <= rounds; round++) {
    progress(round === 0 ? 'warming up' : `round ${round} of ${rounds}`)
    const [first, ...later] = await passes()
    if (round === 0) continue
    firstPassWrite.push(first!)
    laterPassWrite.push(median(later))
  }
  return { firstPassWrite, laterPassWrite }
}

async function passes(): Promise<number[]> {
  await using cluster = await LocalCluster.start({ storageServers: 0, activeServers: 0 })
  await using store = await StoreClient.connect(cluster.address)
  const metadata = new URL(cluster.address).host
  const flags = ['--metadata', metadata, '--capacity', `${FILE_BYTES}`, '--prefault', 'all']
  await using server = await ServerProcess.start('storage', flags)
  await settled(server)
  const rates: number[] = []
  for (let pass = 0; pass <= LATER_PASSES; pass++) {
    // Each pass takes the blocks anew, so that only the memory is another.
    const file = await store.create('/file', 'file', { ifExists: 'replace' })
    const handle = await file.open({ write: true })
    const start = performance.now()
    await fileWrite(handle, OP_BYTES, FILE_BYTES, FILE_BYTES / OP_BYTES)
    rates.push(FILE_BYTES / 1e3 / (performance.now() - start))
    await handle.close()
    await store.delete('/file')
  }
  return rates
}

async function settled(server: ServerProcess): Promise<void> {
  let most = 0
  for (let quietMs = 0; quietMs < QUIET_MS; quietMs += LOOK_MS) {
    await pause(LOOK_MS)
    const { residentBytes } = await server.watched()
    if (residentBytes <= most + GROWTH_BYTES) continue
    most = residentBytes
    quietMs = 0
  }
}
