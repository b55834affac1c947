/** How throughput depends on the size of operations and on how many are in flight; and what a buffered stream makes of it by itself. */
import { once } from 'node:events'
import { type FileNode, StoreClient } from '../../client/index.ts'
import { LocalCluster } from '../../cluster/index.ts'
import { pipelined } from '../pipelined.ts'
import { type Figure, interleaved, medians } from '../rounds.ts'
import { warmFile } from '../store-figures.ts'

const KIB = 1 << 10
const FILE_BYTES = 128 << 20
const opSizes = [16 * KIB, 64 * KIB, 256 * KIB, 512 * KIB, 1024 * KIB]
const inFlights = [1, 2, 4, 6, 8, 16]

/** MB/s, by figure: `write 64 KiB x 8`, `writeStream 64 KiB` for pieces of that size, `readStream`. */
export async function measureTable(rounds: number, progress: (text: string) => void): Promise<Record<string, number>> {
  await using cluster = await LocalCluster.start({ capacity: 4 * FILE_BYTES, activeServers: 0 })
  await using store = await StoreClient.connect(cluster.address)
  const file = await warmFile(store, '/file', FILE_BYTES)
  const streamed = await warmFile(store, '/streamed', FILE_BYTES)
  const figures = [...handleFigures(file), ...streamFigures(store, streamed)]
  return medians(await interleaved(figures, rounds, progress))
}

function handleFigures(file: FileNode): Figure[] {
  return opSizes.flatMap(opBytes =>
    inFlights.flatMap(inFlight => {
      const data = Buffer.alloc(opBytes, 7)
      const each = (operation: (position: number) => Promise<unknown>): Promise<void> =>
        pipelined(FILE_BYTES / opBytes, inFlight, index => operation(index * opBytes))
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

function streamFigures(store: StoreClient, file: FileNode): Figure[] {
  const write = async (pieceBytes: number): Promise<void> => {
    const piece = Buffer.alloc(pieceBytes, 7)
    // Takes new blocks, which are those of the round before.
    const fresh = await store.create('/written', 'file', { ifExists: 'replace' })
    const stream = fresh.createWriteStream()
    for (let left = FILE_BYTES; left > 0; left -= pieceBytes) if (!stream.write(piece)) await once(stream, 'drain')
    stream.end()
    await once(stream, 'finish')
    await store.delete('/written')
  }
  const read = async (): Promise<void> => {
    let received = 0
    for await (const chunk of file.createReadStream()) received += (chunk as Buffer).length
    if (received !== FILE_BYTES) throw new Error(`${received} bytes were read of ${FILE_BYTES}`)
  }
  const writes = opSizes.map(pieceBytes => figure(`writeStream ${nameOf(pieceBytes)}`, () => write(pieceBytes)))
  return [...writes, figure('readStream', read)]
}

function figure(name: string, work: () => Promise<void>): Figure {
  return { name, amount: FILE_BYTES / 1e6, work }
}

function nameOf(bytes: number): string {
  return `${bytes / KIB} KiB`
}

/** One line for each size, under a line of headings. */
export function linesOfTable(results: Readonly<Record<string, number>>): string[] {
  const cells = (values: readonly (string | number)[]): string =>
    values.map(value => (typeof value === 'number' ? Math.round(value).toLocaleString('en') : value).padStart(12)).join('')
  const row = (name: string, values: readonly (string | number)[]): string => `${name.padEnd(14)}${cells(values)}`
  const lines: string[] = []
  for (const direction of ['write', 'read']) {
    const stream = (opBytes: number): number => results[direction === 'write' ? `writeStream ${nameOf(opBytes)}` : 'readStream']!
    lines.push(row(`${direction}, MB/s`, [...inFlights.map(inFlight => `${inFlight} at once`), 'stream']))
    for (const opBytes of opSizes) {
      const name = nameOf(opBytes)
      lines.push(row(name, [...inFlights.map(inFlight => results[`${direction} ${name} x ${inFlight}`]!), stream(opBytes)]))
    }
    lines.push('')
  }
  return lines.slice(0, -1)
}
