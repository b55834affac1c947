/** How throughput depends on the size of operations and on how many are in flight; and what a buffered stream makes of it by itself. */
import { once } from 'node:events'
import { type FileNode, StoreClient } from '../../client/index.ts'
import { LocalCluster } from '../../cluster/index.ts'
import type { Progress, Table } from '../experiment.ts'
import { pipelined } from '../pipelined.ts'
import { type Figure, interleaved, type Rounds } from '../rounds.ts'
import { warmFile } from '../store-figures.ts'
import { whole } from '../tables.ts'

const KIB = 1 << 10
/** Writers ask for blocks ahead of need. */
const SPARE_BYTES = 64 << 20
const inFlights = [1, 2, 4, 6, 8, 16]

interface TableOptions {
  readonly rounds: number
  /** Of a file, all of which each figure goes through. */
  readonly fileBytes: number
  readonly opSizes: readonly number[]
}

export const defaults: TableOptions = {
  rounds: 5,
  fileBytes: 128 << 20,
  opSizes: [16 * KIB, 64 * KIB, 256 * KIB, 512 * KIB, 1024 * KIB],
}

/** MB/s, by figure: `write 64 KiB x 8`, `writeStream 64 KiB` for pieces of that size, `readStream`. */
export async function measureTable({ rounds, ...sizes }: TableOptions, progress: Progress): Promise<Rounds> {
  const { fileBytes } = sizes
  // Room for what streams write, too, and for the round before, which is free only by and by.
  await using cluster = await LocalCluster.start({ capacity: 4 * fileBytes + SPARE_BYTES, activeServers: 0 })
  await using store = await StoreClient.connect(cluster.address)
  const file = await warmFile(store, '/file', fileBytes)
  const streamed = await warmFile(store, '/streamed', fileBytes)
  const figures = [...handleFigures(file, sizes), ...streamFigures(store, streamed, sizes)]
  return await interleaved(figures, rounds, progress)
}

type Sizes = Omit<TableOptions, 'rounds'>

function handleFigures(file: FileNode, { fileBytes, opSizes }: Sizes): Figure[] {
  const figure = figureOf(fileBytes)
  return opSizes.flatMap(opBytes =>
    inFlights.flatMap(inFlight => {
      const data = Buffer.alloc(opBytes, 7)
      const each = (operation: (position: number) => Promise<unknown>): Promise<void> =>
        pipelined(fileBytes / opBytes, inFlight, index => operation(index * opBytes))
      const write = async (): Promise<void> => {
        await using handle = await file.open({ write: true })
        await each(position => handle.write(position, data))
      }
      const read = async (): Promise<void> => {
        await using handle = await file.open()
        await each(position => handle.read(position, data))
      }
      const name = `${nameOf(opBytes)} x ${inFlight}`
      return [figure(`write ${name}`, write), figure(`read ${name}`, read)]
    }),
  )
}

function streamFigures(store: StoreClient, file: FileNode, { fileBytes, opSizes }: Sizes): Figure[] {
  const figure = figureOf(fileBytes)
  const write = async (pieceBytes: number): Promise<void> => {
    const piece = Buffer.alloc(pieceBytes, 7)
    // Takes new blocks, which are those of the round before.
    const fresh = await store.create('/written', 'file', { ifExists: 'replace' })
    const stream = fresh.createWriteStream()
    for (let left = fileBytes; left > 0; left -= pieceBytes) if (!stream.write(piece)) await once(stream, 'drain')
    stream.end()
    await once(stream, 'finish')
    await store.delete('/written')
  }
  const read = async (): Promise<void> => {
    let received = 0
    for await (const chunk of file.createReadStream()) received += (chunk as Buffer).length
    if (received !== fileBytes) throw new Error(`${received} bytes were read of ${fileBytes}`)
  }
  const writes = opSizes.map(pieceBytes => figure(`writeStream ${nameOf(pieceBytes)}`, () => write(pieceBytes)))
  return [...writes, figure('readStream', read)]
}

function figureOf(fileBytes: number): (name: string, work: () => Promise<void>) => Figure {
  return (name, work) => ({ name, amount: fileBytes / 1e6, work })
}

function nameOf(bytes: number): string {
  return `${bytes / KIB} KiB`
}

/** A table for each direction: a line for each size, a column for each number of operations in flight. */
export function tablesOf(results: Readonly<Record<string, number>>): Table[] {
  return ['write', 'read'].map(direction => {
    const stream = (size: string): number | undefined => results[direction === 'write' ? `writeStream ${size}` : 'readStream']
    const cell = (speed: number | undefined): string => (speed === undefined ? '' : whole(speed))
    return {
      caption: `${direction}, MB/s by the size of operations and how many are in flight, and of a buffered stream`,
      head: [direction, ...inFlights.map(inFlight => `${inFlight} in flight`), 'stream'],
      rows: sizesOf(results).map(size => {
        const speeds = inFlights.map(inFlight => results[`${direction} ${size} x ${inFlight}`])
        return [size, ...[...speeds, stream(size)].map(cell)]
      }),
    }
  })
}

/** In the order in which they were measured. */
function sizesOf(results: Readonly<Record<string, number>>): string[] {
  const sizes = Object.keys(results).flatMap(name => /^write (.*) x /.exec(name)?.[1] ?? [])
  return [...new Set(sizes)]
}
