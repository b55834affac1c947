import { GliderError } from '../../protocol/errors.ts'
import { ByteLines } from '../lines.ts'
import type { ListEntry, StoreClient } from '../store.ts'

/** The bytes of any node that can be read: file, keyvalue, bag or action. */
export async function readNode(store: StoreClient, path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
  const node = await store.lookup(path, undefined, { signal })
  if (node.type === 'directory' || node.type === 'table') {
    throw new GliderError('TYPE_MISMATCH', `${path}: a ${node.type} has no bytes to read; name a file, keyvalue, bag or action`)
  }
  return node.createReadStream({ signal }) as AsyncIterable<Buffer>
}

/** The lines of a node; `between` is awaited now and then. What `fn` is given is lent until it returns. */
export async function forEachLineOf(
  store: StoreClient,
  path: string,
  signal: AbortSignal,
  fn: (chunk: Buffer, start: number, end: number) => void,
  between: () => void | Promise<void>,
): Promise<void> {
  const lines = new ByteLines()
  for await (const chunk of await readNode(store, path, signal)) {
    lines.feed(chunk, fn)
    const done = between()
    if (done) await done
  }
  lines.finish(fn)
  await between()
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
