import type { CallOptions, ListEntry } from '../actions/store.ts'
import { catalogue } from '../protocol/catalogue.ts'
import { joinPath } from '../protocol/paths.ts'
import type { ClientContext, Target } from './context.ts'

/** The children of a directory, fetched page by page as they are asked for. */
export async function* listNodes(
  context: ClientContext,
  target: Target,
  options?: CallOptions,
): AsyncGenerator<ListEntry, void, undefined> {
  let cursor: number | undefined
  do {
    const head = { ...target, ...(cursor !== undefined && { cursor }) }
    const page = await context.metadata.request(catalogue.list, head, options)
    for (const entry of page.entries) yield { ...entry, path: joinPath(page.path, entry.name) }
    cursor = page.cursor
  } while (cursor !== undefined)
}
