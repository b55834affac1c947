/**
 * Pages of children. A cursor is the ordinal that the next page begins with, so a child that is there throughout is listed
 * exactly once whatever comes and goes around it.
 */
import type { Node, ParentNode } from './node.ts'

export const PAGE_ENTRIES = 1000
const PAGE_BYTES = 40 << 10
/** The longest name, every character of it escaped, and the fields around it. */
const LARGEST_ENTRY_BYTES = 255 * 6 + 80

export interface Entry {
  readonly name: string
  readonly type: Node['type']
  readonly size: number
}

export function listPage(parent: ParentNode, cursor = 0): { entries: Entry[]; cursor?: number } {
  const entries: Entry[] = []
  let bytes = 0
  for (const child of parent.children.from(cursor)) {
    if (entries.length === PAGE_ENTRIES || bytes > PAGE_BYTES - LARGEST_ENTRY_BYTES) return { entries, cursor: child.ordinal }
    const entry: Entry = { name: child.name, type: child.type, size: sizeOf(child) }
    entries.push(entry)
    bytes += Buffer.byteLength(JSON.stringify(entry)) + 1
  }
  return { entries }
}

export function sizeOf(node: Node): number {
  return 'size' in node ? node.size : 0
}
