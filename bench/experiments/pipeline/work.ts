/** What workers of `pipeline` do. Those that filter do it by the code of `std/Filter`. */
import { ByteLines } from '../../../actions/lines.ts'
import { lineFilterOf } from '../../../actions/standard/line-tests.ts'
import { Params } from '../../../actions/standard/params.ts'
import { forEachLineOf } from '../../../actions/standard/store-lines.ts'
import type { StoreClient } from '../../../client/index.ts'
import { fileTarget, PieceWriter } from '../pieces.ts'
import type { CountWords, WordCounts, WriteText } from './tasks.ts'
import { textOf } from './text.ts'

/** Text is made once and repeated. */
const TEXT_BYTES = 8 << 20
const SPACE = 32

export async function writeText(store: StoreClient, { file, seed, bytes }: WriteText): Promise<undefined> {
  const text = textOf(seed, Math.min(bytes, TEXT_BYTES))
  const writer = new PieceWriter(await fileTarget(await store.create(file, 'file', { parents: true })))
  for (let left = Math.max(1, Math.round(bytes / text.length)); left > 0; left--) {
    for (let at = 0; at < text.length; ) {
      const piece = await writer.next()
      const length = text.copy(piece, 0, at)
      writer.send(piece, length)
      at += length
    }
  }
  await writer.close()
  return undefined
}

export async function countWords(store: StoreClient, { path, substring }: CountWords): Promise<WordCounts> {
  const counts = new Map<string, number>()
  const lines = substring === undefined ? new ByteLines() : lineFilterOf(new Params('pipeline', { substring }))()
  const never = new AbortController().signal
  await forEachLineOf(
    store,
    path,
    never,
    (chunk, start, end) => countLine(counts, chunk, start, end),
    () => {},
    lines,
  )
  return counts
}

function countLine(counts: Map<string, number>, chunk: Buffer, start: number, end: number): void {
  for (let from = start, at = start; at <= end; at++) {
    if (at < end && chunk[at] !== SPACE) continue
    if (at > from) {
      const word = chunk.toString('latin1', from, at)
      counts.set(word, (counts.get(word) ?? 0) + 1)
    }
    from = at + 1
  }
}
