import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { StoreClient } from '../../client/index.ts'
import { LocalCluster } from '../../cluster/index.ts'
import { endProgress, showProgress } from '../progress.ts'
import { type Figure, interleaved, medians } from '../rounds.ts'
import { actionRead, actionWrite, fileRead, fileWrite } from '../store-figures.ts'
import { SocketPeer, socketRead, socketWrite } from './socket-pair.ts'

const MIB = 1 << 20
const FILE_BYTES = 256 * MIB

interface Options {
  readonly rounds: number
  readonly amount: number
  readonly json?: boolean
}

export function addBandwidth(program: Command): void {
  program
    .command('bandwidth')
    .description('1 MiB operations over loopback: files and actions beside a bare pair of sockets')
    .option('--rounds <number>', 'counted rounds, in which the figures take turns', Number, 7)
    .option('--amount <MiB>', 'what each figure moves in a round, in MiB', Number, 1024)
    .option('--json', 'print one JSON object and nothing else')
    .action(bandwidth)
}

async function bandwidth({ rounds, amount, json }: Options): Promise<void> {
  const peer = await SocketPeer.start()
  try {
    await using cluster = await LocalCluster.start({ capacity: FILE_BYTES, threads: 2 })
    await using store = await StoreClient.connect(cluster.address)
    const results = await interleaved(await figuresOf(store, peer, amount), rounds, showProgress)
    endProgress()
    const figures = Object.fromEntries(Object.entries(medians(results)).map(([name, value]) => [name, Math.round(value)]))
    if (json) console.log(JSON.stringify({ bandwidth: figures }))
    else printTable(results)
  } finally {
    peer.stop()
  }
}

async function figuresOf(store: StoreClient, peer: SocketPeer, operations: number): Promise<Figure[]> {
  const file = await store.create('/file', 'file')
  const totalBytes = operations * MIB
  await store.deploy(fileURLToPath(new URL('../bench-actions.js', import.meta.url)))
  const drain = await store.create('/drain', 'action')
  await drain.create('bench-actions/Drain')
  const generate = await store.create('/generate', 'action')
  await generate.create('bench-actions/Generate', { params: { bytes: totalBytes, pieceBytes: MIB } })
  const amount = totalBytes / 1e6
  // The first round, which does not count, touches every block of the file.
  const writeFile = async (): Promise<void> => {
    await using handle = await file.open({ write: true })
    await fileWrite(handle, MIB, FILE_BYTES, operations)
  }
  return [
    { name: 'socketWrite', amount, work: () => socketWrite(peer.port, operations) },
    { name: 'fileWrite', amount, work: writeFile },
    { name: 'actionWrite', amount, work: () => actionWrite(drain, MIB, operations) },
    { name: 'socketRead', amount, work: () => socketRead(peer.port, operations) },
    { name: 'fileRead', amount, work: () => fileRead(file, MIB, FILE_BYTES, operations) },
    { name: 'actionRead', amount, work: () => actionRead(generate, MIB, totalBytes) },
  ]
}

function printTable(results: Awaited<ReturnType<typeof interleaved>>): void {
  const figures = medians(results)
  const row = (name: string, baseline: string): string => {
    const value = figures[name]!.toFixed(0).padStart(7)
    return `${name.padEnd(14)}${value} MB/s   ${(figures[name]! / figures[baseline]!).toFixed(2)} of ${baseline}`
  }
  for (const baseline of ['socketWrite', 'socketRead']) {
    console.log(`${baseline.padEnd(14)}${figures[baseline]!.toFixed(0).padStart(7)} MB/s`)
    const direction = baseline.slice('socket'.length)
    console.log(row(`file${direction}`, baseline))
    console.log(row(`action${direction}`, baseline))
  }
}
