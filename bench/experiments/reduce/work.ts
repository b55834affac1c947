/** What workers of `reduce` do. Those that merge do it by the code of `std/Merge`. */
import { ByteLines } from '../../../actions/lines.ts'
import { foldedLines } from '../../../actions/standard/fold.ts'
import { badLine, takeInteger } from '../../../actions/standard/key-value.ts'
import { Sums } from '../../../actions/standard/sums.ts'
import type { StoreClient } from '../../../client/index.ts'
import { actionTarget, fileTarget, forEachPiece, PIECE_BYTES, PieceWriter } from '../pieces.ts'
import { MOST_LINE_BYTES, Pairs } from './pairs.ts'
import type { EmitPairs, MergePairs, ReadPairs, TimedPairs, TimePairs } from './tasks.ts'

const OUTPUT_BYTES = 64 << 10

export async function emitPairs(store: StoreClient, { seed, bytes, to }: EmitPairs): Promise<undefined> {
  const target =
    'file' in to
      ? await fileTarget(await store.create(to.file, 'file', { parents: true }))
      : await actionTarget(await store.lookup(to.action, 'action'))
  const writer = new PieceWriter(target)
  const pairs = new Pairs(seed)
  for (let left = bytes; left >= MOST_LINE_BYTES; ) {
    const piece = await writer.next()
    const length = pairs.fill(left < piece.length ? piece.subarray(0, left) : piece)
    writer.send(piece, length)
    left -= length
  }
  await writer.close()
  return undefined
}

/** Sums of lines that come in chunks. */
class PairSums {
  readonly sums = new Sums()
  readonly #lines = new ByteLines()
  #line = 0

  feed(chunk: Buffer): void {
    this.#lines.feed(chunk, this.#take)
  }

  finish(): void {
    this.#lines.finish(this.#take)
  }

  readonly #take = (chunk: Buffer, start: number, end: number): void => {
    this.#line++
    if (!takeInteger(this.sums, chunk, start, end)) throw badLine('"key,value"', chunk, start, end, this.#line)
  }
}

export async function mergePairs(store: StoreClient, { files }: MergePairs): Promise<string> {
  const merged = new PairSums()
  for (const path of files) {
    await forEachPiece(await store.lookup(path, 'file'), piece => merged.feed(piece))
    merged.finish()
  }
  return inOrder(Buffer.concat([...foldedLines(merged.sums, OUTPUT_BYTES)]))
}

export async function readPairs(store: StoreClient, { action }: ReadPairs): Promise<string> {
  const chunks: Buffer[] = []
  const node = await store.lookup(action, 'action')
  for await (const chunk of node.createReadStream() as AsyncIterable<Buffer>) chunks.push(chunk)
  return inOrder(Buffer.concat(chunks))
}

function inOrder(lines: Buffer): string {
  return lines.toString().trimEnd().split('\n').sort().join('\n')
}

export function timePairs({ bytes }: TimePairs): TimedPairs {
  const pieces = Array.from({ length: Math.ceil(bytes / PIECE_BYTES) }, () => Buffer.alloc(PIECE_BYTES))
  const pairs = new Pairs(0)
  const merged = new PairSums()
  let generating = 0
  let parsing = 0
  // Of two rounds the second counts: by then the code has been compiled.
  for (let round = 0; round < 2; round++) {
    const start = performance.now()
    const filled = pieces.map(piece => piece.subarray(0, pairs.fill(piece)))
    const between = performance.now()
    for (const piece of filled) merged.feed(piece)
    generating = between - start
    parsing = performance.now() - between
  }
  const perByte = 1 / (1_000 * pieces.length * PIECE_BYTES)
  return { generating: generating * perByte, parsing: parsing * perByte }
}
