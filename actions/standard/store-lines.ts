import { GliderError } from '../../protocol/errors.ts'
import { ByteLines, type LineSplitter } from '../lines.ts'
import type { FileNode, ListEntry, NodeByType, StoreClient } from '../store.ts'

/** Read at once of a file, and how many such reads are under way. */
const PIECE_BYTES = 256 * 1024
const IN_FLIGHT = 4

/** The bytes of any node that can be read: file, keyvalue, bag or action. */
export async function readNode(store: StoreClient, path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
  return (await readable(store, path, signal)).createReadStream({ signal }) as AsyncIterable<Buffer>
}

async function readable(
  store: StoreClient,
  path: string,
  signal: AbortSignal,
): Promise<NodeByType['file' | 'keyvalue' | 'bag' | 'action']> {
  const node = await store.lookup(path, undefined, { signal })
  if (node.type === 'directory' || node.type === 'table') {
    throw new GliderError('TYPE_MISMATCH', `${path}: a ${node.type} has no bytes to read; name a file, keyvalue, bag or action`)
  }
  return node
}

/** The lines of a node, or those that `lines` gives; `between` is awaited now and then. What `fn` is given is lent until it returns. */
export async function forEachLineOf(
  store: StoreClient,
  path: string,
  signal: AbortSignal,
  fn: (chunk: Buffer, start: number, end: number) => void,
  between: () => void | Promise<void>,
  lines: LineSplitter = new ByteLines(),
): Promise<void> {
  const node = await readable(store, path, signal)
  const chunks = node.type === 'file' ? piecesOf(node, signal) : (node.createReadStream({ signal }) as AsyncIterable<Buffer>)
  for await (const chunk of chunks) {
    lines.feed(chunk, fn)
    const done = between()
    if (done) await done
  }
  lines.finish(fn)
  await between()
}

/** The bytes of a file, in a few buffers that are used again and again, for memory that was used lately is fast: each piece is lent until the next one. */
async function* piecesOf(file: FileNode, signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
  await using handle = await file.open({ signal })
  const { size } = handle
  let position = 0
  const underWay: { readonly buffer: Buffer; readonly reading: Promise<number> }[] = []
  const readInto = (buffer: Buffer): void => {
    if (position >= size) return
    const reading = handle.read(position, buffer, { signal })
    // One that is never waited for, because an earlier one failed, is no unhandled rejection.
    reading.catch(() => {})
    position += buffer.length
    underWay.push({ buffer, reading })
  }
  for (let piece = 0; piece < IN_FLIGHT; piece++) {
    const left = size - piece * PIECE_BYTES
    if (left > 0) readInto(Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, left)))
  }
  for (let next = underWay.shift(); next; next = underWay.shift()) {
    yield next.buffer.subarray(0, await next.reading)
    readInto(next.buffer)
  }
}

/** All that can be read below a directory or table, but actions, in order of names; anything else is only itself. */
export async function readablePaths(store: StoreClient, path: string, signal: AbortSignal): Promise<string[]> {
  const { type } = await store.stat(path, { signal })
  if (type !== 'directory' && type !== 'table') return [path]
  const entries: ListEntry[] = []
  for await (const entry of store.list(path, { signal })) entries.push(entry)
  const below: string[] = []
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.type === 'directory' || entry.type === 'table') below.push(...(await readablePaths(store, entry.path, signal)))
    else if (entry.type !== 'action') below.push(entry.path)
  }
  return below
}
