/** A very large directory: what creating, listing and deleting it does to the metadata server. */
import { StoreClient } from '../../client/index.ts'
import type { Progress } from '../experiment.ts'
import { pipelined } from '../pipelined.ts'
import { ServerProcess } from '../server-process.ts'

export interface DirectoryOptions {
  readonly children: number
  readonly keyvalues?: boolean
}

export interface Phase {
  readonly seconds: number
  readonly residentBytes: number
  readonly longestTurnMs: number
}

export const defaults: DirectoryOptions = { children: 1_000_000 }

const IN_FLIGHT = 256

export async function runDirectory(
  { children, keyvalues = false }: DirectoryOptions,
  progress: Progress,
): Promise<Readonly<Record<string, Phase>>> {
  await using server = await ServerProcess.start('metadata', [])
  await using store = await StoreClient.connect(`http://${server.address}`)
  const phases: Record<string, Phase> = {}
  const run = async (name: string, work: () => Promise<void>): Promise<void> => {
    progress(name)
    await server.watched()
    const start = performance.now()
    await work()
    phases[name] = { seconds: (performance.now() - start) / 1000, ...(await server.watched()) }
  }
  await run('create', () => create(store, children, keyvalues))
  // What it is once the garbage of creating is gone: the list and the deletion are held against that.
  await server.memory()
  await run('rest', async () => {})
  await run('list', () => list(store, children))
  await run('delete', async () => {
    await store.delete('/directory', { recursive: true })
  })
  return phases
}

async function create(store: StoreClient, children: number, keyvalues: boolean): Promise<void> {
  await store.create('/directory', keyvalues ? 'table' : 'directory')
  const value = Buffer.alloc(16, 'v')
  await pipelined(children, IN_FLIGHT, async index => {
    const path = `/directory/f${index.toString().padStart(12, '0')}`
    if (keyvalues) await store.put(path, value)
    else await store.create(path, 'file')
  })
}

async function list(store: StoreClient, children: number): Promise<void> {
  let listed = 0
  for await (const { type } of store.list('/directory')) listed += type === 'directory' ? 0 : 1
  if (listed !== children) throw new Error(`${listed} of ${children} children were listed`)
}
