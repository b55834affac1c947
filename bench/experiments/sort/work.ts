/** What workers of `sort` do. Those that sort do it by the code of `std/Sorter`. */
import { ByteLines } from '../../../actions/lines.ts'
import { LineBatches } from '../../../actions/standard/line-batches.ts'
import { LineOrder } from '../../../actions/standard/line-order.ts'
import { SortedLines } from '../../../actions/standard/sorted-lines.ts'
import type { StoreClient } from '../../../client/index.ts'
import { actionTarget, fileTarget, forEachPiece, PieceWriter } from '../pieces.ts'
import { prefixOf, RECORD_BYTES, Records } from './records.ts'
import type { FinishSorter, SampleRecords, SortRecords, SplitRecords, WriteRecords } from './tasks.ts'

/** Whole records. */
const PIECE_BYTES = 2_560 * RECORD_BYTES
const OUTPUT_BYTES = 256 << 10
/** A sample is so many runs of so many records. */
const SAMPLE_RUNS = 32
const SAMPLE_RUN_RECORDS = 32
const WORDS = RECORD_BYTES / 4

export async function writeRecords(store: StoreClient, { file, number, records }: WriteRecords): Promise<undefined> {
  const target = await fileTarget(await store.create(file, 'file', { parents: true }))
  const writer = new PieceWriter(target, PIECE_BYTES)
  const made = new Records(number)
  for (let left = records * RECORD_BYTES; left > 0; ) {
    const piece = await writer.next()
    const length = Math.min(left, piece.length)
    made.fill(piece.subarray(0, length))
    writer.send(piece, length)
    left -= length
  }
  await writer.close()
  return undefined
}

export async function sampleRecords(store: StoreClient, { file }: SampleRecords): Promise<number[]> {
  await using handle = await (await store.lookup(file, 'file')).open()
  const records = handle.size / RECORD_BYTES
  const runs = Math.min(SAMPLE_RUNS, Math.ceil(records / SAMPLE_RUN_RECORDS))
  const sampled = await Promise.all(
    Array.from({ length: runs }, async (_, run) => {
      const into = Buffer.allocUnsafe(SAMPLE_RUN_RECORDS * RECORD_BYTES)
      const length = await handle.read(Math.floor((records * run) / runs) * RECORD_BYTES, into)
      return Array.from({ length: length / RECORD_BYTES }, (__, record) => prefixOf(into, record * RECORD_BYTES))
    }),
  )
  return sampled.flat()
}

export async function splitRecords(store: StoreClient, { file, borders, to }: SplitRecords): Promise<undefined> {
  const targets = await Promise.all(
    'files' in to
      ? to.files.map(async path => fileTarget(await store.create(path, 'file', { parents: true })))
      : to.actions.map(async path => actionTarget(await store.lookup(path, 'action'))),
  )
  const ranges = await Promise.all(targets.map(target => Range.start(target)))
  await forEachPiece(
    await store.lookup(file, 'file'),
    async piece => {
      const words = new Int32Array(piece.buffer, piece.byteOffset, piece.length / 4)
      for (let at = 0; at < piece.length; ) {
        const range = ranges[rangeOf(borders, prefixOf(piece, at))]!
        if (range.isFull) await range.send()
        range.add(words, at / 4)
        at += RECORD_BYTES
      }
    },
    PIECE_BYTES,
  )
  await Promise.all(ranges.map(range => range.finish()))
  return undefined
}

function rangeOf(borders: readonly number[], prefix: number): number {
  let range = 0
  while (range < borders.length && prefix >= borders[range]!) range++
  return range
}

/** Gathers the records of one range. */
class Range {
  readonly #writer: PieceWriter
  #piece: Buffer
  #words: Int32Array
  #filled = 0

  private constructor(writer: PieceWriter, piece: Buffer) {
    this.#writer = writer
    this.#piece = piece
    this.#words = wordsOf(piece)
  }

  static async start(target: Awaited<ReturnType<typeof fileTarget>>): Promise<Range> {
    const writer = new PieceWriter(target, PIECE_BYTES)
    return new Range(writer, await writer.next())
  }

  get isFull(): boolean {
    return this.#filled === this.#words.length
  }

  /** Word by word: of so few bytes a call to copy them would cost more than copying them. */
  add(words: Int32Array, from: number): void {
    const to = this.#filled
    const into = this.#words
    for (let word = 0; word < WORDS; word++) into[to + word] = words[from + word]!
    this.#filled = to + WORDS
  }

  async send(): Promise<void> {
    this.#writer.send(this.#piece, this.#filled * 4)
    this.#filled = 0
    this.#piece = await this.#writer.next()
    this.#words = wordsOf(this.#piece)
  }

  async finish(): Promise<void> {
    this.#writer.send(this.#piece, this.#filled * 4)
    await this.#writer.close()
  }
}

function wordsOf(bytes: Buffer): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
}

export async function sortRecords(store: StoreClient, { files, output }: SortRecords): Promise<undefined> {
  const batches = await Promise.all(
    files.map(async path => {
      const batch = new LineBatches()
      const lines = new ByteLines()
      const add = (chunk: Buffer, start: number, end: number): void => batch.add(chunk, start, end)
      await forEachPiece(await store.lookup(path, 'file'), piece => lines.feed(piece, add), PIECE_BYTES)
      lines.finish(add)
      batch.trim()
      return batch.all
    }),
  )
  const order = new LineOrder({ separator: 44, numeric: false, reverse: false })
  const target = await fileTarget(await store.create(output, 'file', { parents: true }))
  const { signal } = new AbortController()
  const sorted = await SortedLines.of(batches.flat(), order, signal)
  const writer = new PieceWriter(target, OUTPUT_BYTES)
  while (sorted.bytesOfNext > 0) {
    const piece = await writer.next()
    writer.send(piece, sorted.fill(piece))
  }
  await writer.close()
  return undefined
}

export async function finishSorter(store: StoreClient, { action, output }: FinishSorter): Promise<undefined> {
  await (await store.lookup(action, 'action')).call('finish', { path: output })
  return undefined
}
