import type { StoreClient } from '../../client/index.ts'
import { forEachLine } from './lines.ts'
import { RangeFinder, type Sampled, sampleLines } from './ranges.ts'
import { sortedLines } from './sort-lines.ts'
import { type OutputStream, openInput, openOutput, openOutputs } from './task-io.ts'
import type { Outputs } from './tasks.ts'

const LF = 10
const EMPTY = Buffer.alloc(0)
const SEND_BYTES = 256 << 10
/** A sample is pieces of this size, and at most such a share of a file as they make up. */
const PIECE_BYTES = 4096
const PIECE_SHARE = 1 / 64
const MOST_PIECES = 64

type Progress = (bytes: number) => void

export async function sample(store: StoreClient, input: string): Promise<Sampled[]> {
  const file = await store.lookup(input, 'file')
  await using handle = await file.open()
  const wanted = Math.floor((handle.size * PIECE_SHARE) / PIECE_BYTES)
  const pieces = Math.min(MOST_PIECES, Math.max(1, wanted))
  const sampled = await Promise.all(
    Array.from({ length: pieces }, async (_, number) => {
      const position = Math.floor((handle.size * number) / pieces)
      const piece = Buffer.allocUnsafe(PIECE_BYTES)
      const length = await handle.read(position, piece)
      return sampleLines(piece.subarray(0, length), position === 0)
    }),
  )
  return sampled.flat()
}

export async function splitLines(
  store: StoreClient,
  input: string,
  borders: readonly Uint8Array[],
  outputs: Outputs,
  progress: Progress,
): Promise<void> {
  const ranges = new RangeFinder(borders)
  const parcels = (await openOutputs(store, outputs)).map(stream => new Parcels(stream))
  await forEachLine(
    await openInput(store, input),
    (chunk, start, end) => parcels[ranges.find(chunk, start, end)]!.add(chunk, start, end),
    async bytes => {
      progress(bytes)
      await Promise.all(parcels.map(each => each.sendFull()))
    },
  )
  await Promise.all(parcels.map(each => each.finish()))
}

/** Collects lines for one reducer and sends many at a time. */
class Parcels {
  readonly #stream: OutputStream
  readonly #full: Buffer[] = []
  #open = EMPTY
  #filled = 0

  constructor(stream: OutputStream) {
    this.#stream = stream
  }

  add(chunk: Buffer, start: number, end: number): void {
    const length = end - start + 1
    if (this.#filled + length > this.#open.length) {
      this.#close()
      this.#open = Buffer.allocUnsafeSlow(Math.max(SEND_BYTES, length))
    }
    chunk.copy(this.#open, this.#filled, start, end)
    this.#filled += length
    this.#open[this.#filled - 1] = LF
  }

  /** Sends what is full, and waits as long as the reducer's side takes to take it. */
  async sendFull(): Promise<void> {
    for (const bytes of this.#full.splice(0)) await this.#stream.write(bytes)
  }

  async finish(): Promise<void> {
    this.#close()
    await this.sendFull()
    await this.#stream.end()
  }

  #close(): void {
    if (this.#filled > 0) this.#full.push(this.#open.subarray(0, this.#filled))
    this.#open = EMPTY
    this.#filled = 0
  }
}

export async function sortLines(
  store: StoreClient,
  inputs: readonly string[],
  output: string,
  progress: Progress,
): Promise<void> {
  const text = await readTogether(store, inputs)
  progress(text.length)
  const stream = await openOutput(store, output)
  for (const lines of sortedLines(text, SEND_BYTES)) await stream.write(lines)
  await stream.end()
}

async function readTogether(store: StoreClient, paths: readonly string[]): Promise<Buffer> {
  const handles = await Promise.all(paths.map(async path => (await store.lookup(path, 'file')).open()))
  const text = Buffer.allocUnsafeSlow(handles.reduce((sum, { size }) => sum + size, 0))
  let position = 0
  const reads = handles.map(handle => {
    const into = text.subarray(position, position + handle.size)
    position += handle.size
    return handle.read(0, into)
  })
  await Promise.all(reads)
  await Promise.all(handles.map(handle => handle.close()))
  return text
}

export async function finishSorter(store: StoreClient, path: string, output: string): Promise<void> {
  const action = await store.lookup(path, 'action')
  await action.call('finish', { path: output })
}
