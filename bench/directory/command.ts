/** A very large directory: what creating, listing and deleting it does to the metadata server. */
import type { Command } from 'commander'
import { StoreClient } from '../../client/index.ts'
import { pipelined } from '../pipelined.ts'
import { endProgress, showProgress } from '../progress.ts'
import { ServerProcess } from '../server-process.ts'

interface Options {
  readonly children: number
  readonly keyvalues?: boolean
  readonly json?: boolean
}

interface Phase {
  readonly seconds: number
  readonly residentBytes: number
  readonly longestTurnMs: number
}

const IN_FLIGHT = 256

export function addDirectory(program: Command): void {
  program
    .command('directory')
    .description('a directory of very many children: time, resident size and longest turn of the metadata server')
    .option('--children <number>', 'files in the directory', Number, 1_000_000)
    .option('--keyvalues', 'a table of keyvalues of 16 bytes instead')
    .option('--json', 'print one JSON object and nothing else')
    .action(directory)
}

async function directory({ children, keyvalues = false, json }: Options): Promise<void> {
  await using server = await ServerProcess.start('metadata', [])
  await using store = await StoreClient.connect(`http://${server.address}`)
  const phases: Record<string, Phase> = {}
  const run = async (name: string, work: () => Promise<void>): Promise<void> => {
    showProgress(name)
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
  endProgress()
  if (json) console.log(JSON.stringify({ directory: phases }))
  else printTable(phases)
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

function printTable(phases: Readonly<Record<string, Phase>>): void {
  const base = phases['rest']!.residentBytes
  console.log(
    `${''.padEnd(8)}${'seconds'.padStart(9)}${'resident MiB'.padStart(14)}${'of rest'.padStart(9)}${'longest turn ms'.padStart(17)}`,
  )
  for (const [name, { seconds, residentBytes, longestTurnMs }] of Object.entries(phases)) {
    const resident = (residentBytes / (1 << 20)).toFixed(0).padStart(14)
    const ratio = (residentBytes / base).toFixed(2).padStart(9)
    console.log(`${name.padEnd(8)}${seconds.toFixed(1).padStart(9)}${resident}${ratio}${longestTurnMs.toFixed(1).padStart(17)}`)
  }
}
