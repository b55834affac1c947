/**
 * Exchanges the bytes of nodes. Always holds: bytes are in blocks or inline, never in both; what they were is freed; the totals
 * are the sums over the nodes, and those inline stay within the budget.
 */
import type { Journal } from './journal/journal.ts'
import type { Limits } from './limits.ts'
import { type BagNode, type BytesNode, type Chain, chainBlocks, type FileNode } from './node.ts'
import type { Reaper } from './reaper.ts'
import { inlineCost, OVERHEAD_BYTES, type Totals } from './totals.ts'

export interface InlineLimits {
  readonly inlineBytes: number
  readonly inlineBudgetBytes: number
}

export interface ContentsParts {
  readonly quota: Limits
  readonly limits: InlineLimits
  readonly reaper: Reaper
  readonly totals: Totals
  readonly journal: Journal
}

export class Contents {
  readonly #parts: ContentsParts

  constructor(parts: ContentsParts) {
    this.#parts = parts
  }

  /** Up to how many bytes are kept inline. */
  get inlineBytes(): number {
    return this.#parts.limits.inlineBytes
  }

  /** @throws GliderError QUOTA_EXCEEDED where so many bytes in place of others are too many */
  checkRoom(bytes: number, inPlaceOf: number): void {
    const { quota, totals } = this.#parts
    if (bytes > inPlaceOf) quota.check('bytes', totals.storedBytes, bytes - inPlaceOf)
  }

  /** Whether so many bytes may be kept inline, in place of those of `old`. */
  fitsInline(bytes: number, old: BytesNode | undefined): boolean {
    const { limits, totals } = this.#parts
    if (bytes === 0) return true
    if (bytes > limits.inlineBytes) return false
    return totals.allInlineBytes - inlineCost(old?.inline) + bytes + OVERHEAD_BYTES <= limits.inlineBudgetBytes
  }

  /** Puts bytes that fit inline in the place of all that the node has. They are the node's from now on. */
  replaceInline(node: BytesNode, bytes: Buffer): void {
    const inline = bytes.length > 0 ? bytes : undefined
    this.#parts.totals.inlineBytes += inlineCost(inline)
    this.#replace(node, bytes.length, undefined, inline)
  }

  /** The same with bytes in blocks. */
  replace(node: BytesNode, size: number, chain: Chain): void {
    this.#replace(node, size, chain, undefined)
  }

  /** Goes on in blocks that hold what the file has inline. */
  moved(file: FileNode): void {
    this.#parts.totals.inlineBytes -= inlineCost(file.inline)
    file.inline = undefined
    this.#parts.journal.keep('node', file)
  }

  /** More of a file that is written in place: longer, perhaps with more blocks. */
  extended(file: FileNode, size: number, chain: Chain): void {
    this.#parts.totals.storedBytes += size - file.size
    file.chain = chain
    file.size = size
    this.#parts.journal.keep('node', file)
  }

  addPart(bag: BagNode, size: number, chain: Chain): void {
    const { totals, journal } = this.#parts
    bag.parts.push({ size, chain })
    bag.size += size
    totals.storedBytes += size
    journal.keep('part', { bag, index: bag.parts.length - 1 })
  }

  #replace(node: BytesNode, size: number, chain: Chain, inline: Buffer | undefined): void {
    const { totals, reaper, journal } = this.#parts
    const old = node.chain
    totals.storedBytes += size - node.size
    totals.inlineBytes -= inlineCost(node.inline)
    node.size = size
    node.chain = chain
    node.inline = inline
    node.version += 1
    journal.keep('node', node)
    reaper.free(chainBlocks(old))
  }
}
