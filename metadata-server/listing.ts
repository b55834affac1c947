/**
 * Pages of children. A cursor is the ordinal that the next page begins with, so a child that is there throughout is listed
 * exactly once whatever comes and goes around it. The iterators behind recent cursors are kept: following one to its end
 * visits each child once, and where it is gone a scan from the start finds the place again.
 */
import type { DirectoryNode, Node } from './node.ts'

export const PAGE_ENTRIES = 1000
const PAGE_BYTES = 40 << 10
/** The longest name, every character of it escaped, and the fields around it. */
const LARGEST_ENTRY_BYTES = 255 * 6 + 80
const KEPT_ITERATORS = 64

export interface Entry {
  readonly name: string
  readonly type: Node['type']
  readonly size: number
}

interface Kept {
  readonly directory: DirectoryNode
  readonly cursor: number
  readonly iterator: Iterator<Node>
}

export class Listing {
  #kept: Kept[] = []

  page(directory: DirectoryNode, cursor = 0): { entries: Entry[]; cursor?: number } {
    const iterator = this.#take(directory, cursor) ?? directory.children.values()
    const entries: Entry[] = []
    let bytes = 0
    for (let next = iterator.next(); !next.done; next = iterator.next()) {
      const child = next.value
      if (child.ordinal < cursor) continue
      const entry: Entry = { name: child.name, type: child.type, size: sizeOf(child) }
      entries.push(entry)
      bytes += Buffer.byteLength(JSON.stringify(entry)) + 1
      const isLast = child.ordinal === directory.nextOrdinal - 1
      if (isLast) break
      if (entries.length === PAGE_ENTRIES || bytes > PAGE_BYTES - LARGEST_ENTRY_BYTES) {
        this.#keep({ directory, cursor: child.ordinal + 1, iterator })
        return { entries, cursor: child.ordinal + 1 }
      }
    }
    return { entries }
  }

  /** The directory was deleted: its memory is not to be held. */
  forget(directory: DirectoryNode): void {
    if (this.#kept.some(kept => kept.directory === directory)) {
      this.#kept = this.#kept.filter(kept => kept.directory !== directory)
    }
  }

  #take(directory: DirectoryNode, cursor: number): Iterator<Node> | undefined {
    const at = this.#kept.findIndex(kept => kept.directory === directory && kept.cursor === cursor)
    return at < 0 ? undefined : this.#kept.splice(at, 1)[0]?.iterator
  }

  #keep(kept: Kept): void {
    this.#kept.push(kept)
    if (this.#kept.length > KEPT_ITERATORS) this.#kept.shift()
  }
}

export function sizeOf(node: Node): number {
  return node.type === 'file' ? node.size : 0
}
