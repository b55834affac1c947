/**
 * Writing files under a claim. Plain writes (`replace`, `put`) fill new blocks, which take the place of the old ones at the
 * closing commit; writes in place (`append`, `update`) go on in the committed chain, and each commit publishes.
 */
import type { AnswerOf, catalogue, HeadOf, NodeInfo } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { type BlockChain, chainAnswer, checkKept } from './block-chain.ts'
import type { Caller } from './caller.ts'
import type { Claim, ClaimSubject, Claims } from './claims.ts'
import { chainAppend, chainLength, chainOf, chainSlice, FileNode, type Node, typeMismatch } from './node.ts'
import { nodeInfo } from './node-info.ts'
import type { Reaper } from './reaper.ts'
import type { BlockSpaces } from './spaces.ts'
import type { Totals } from './totals.ts'
import type { Tree } from './tree.ts'

export interface FileWritesParts {
  readonly tree: Tree
  readonly blocks: BlockSpaces
  readonly claims: Claims
  readonly reaper: Reaper
  readonly totals: Totals
}

/** Most existing blocks that an opening hands out; `locate` gives those behind them. */
const MOST_EXISTING = 256

export class FileWrites {
  readonly #parts: FileWritesParts

  constructor(parts: FileWritesParts) {
    this.#parts = parts
  }

  open(head: HeadOf<typeof catalogue.openWrite>, caller: Caller): AnswerOf<typeof catalogue.openWrite> {
    const { blocks: spaces, claims } = this.#parts
    const subject = this.#subject(head)
    const { file, path, mode } = subject
    claims.checkFree(file, path)
    const inPlace = mode === 'append' || mode === 'update'
    const chain = inPlace ? file?.chain : undefined
    const length = chainLength(chain)
    checkKept(chainSlice(chain, 0, length), path)
    const size = inPlace && file ? file.size : 0
    const first = mode === 'append' ? Math.floor(size / spaces.blockBytes) : 0
    const existing = chainSlice(chain, first, first + MOST_EXISTING)
    // New blocks follow the committed ones, so they can only be told once all of those were.
    const wanted = first + existing.length < length ? 0 : (head.blocks ?? (mode === 'update' ? 0 : 1))
    // Where all is full the claim starts without any: what is written may fit into what the file has, or be nothing.
    const fresh = spaces.takeIfFree(subject.order, wanted)
    const claim = claims.take(subject, fresh, caller)
    const answer = chainAnswer([...existing, ...fresh], 'write')
    return { claim: claim.id, path, blockBytes: spaces.blockBytes, size, first, ...answer }
  }

  extend(head: HeadOf<typeof catalogue.extend>): BlockChain {
    const claim = this.#parts.claims.get(head.claim)
    const path = this.#pathOf(claim)
    const fresh = this.#parts.blocks.take(claim.order, head.blocks, path)
    for (const block of fresh) claim.blocks.push(block)
    return chainAnswer(fresh, 'write')
  }

  /** Locations for writing of what the claim covers: the chain of its file, if it writes in place, and its own blocks. */
  locate(head: HeadOf<typeof catalogue.locate>, claimId: string): BlockChain {
    const claim = this.#parts.claims.get(claimId)
    const path = this.#pathOf(claim)
    const committed = isPlain(claim) ? undefined : claim.file?.chain
    const behind = chainLength(committed)
    const end = head.first + head.blocks
    const own = claim.blocks.slice(Math.max(0, head.first - behind), Math.max(0, end - behind))
    const blocks = [...chainSlice(committed, head.first, end), ...own]
    checkKept(blocks, path)
    return chainAnswer(blocks, 'write')
  }

  commit(head: HeadOf<typeof catalogue.commit>): NodeInfo {
    const claim = this.#parts.claims.get(head.claim)
    const needed = this.#blocksFor(head.size)
    const available = claim.blocks.length + (isPlain(claim) ? 0 : chainLength(claim.file?.chain))
    if (needed > available && this.#isThere(claim)) {
      const reason = `${claim.path}: ${head.size} bytes do not fit into the ${available} blocks of the claim: extend it first`
      throw new GliderError('INVALID_ARGUMENT', reason)
    }
    if (!isPlain(claim)) return this.#publish(claim, head.size, head.close)
    if (!head.close) {
      throw new GliderError('INVALID_ARGUMENT', `${claim.path}: a write that replaces publishes only when it closes: use append`)
    }
    try {
      return this.#swap(claim, head.size)
    } finally {
      this.#parts.claims.end(claim)
    }
  }

  release(claimId: string): void {
    const claim = this.#parts.claims.find(claimId)
    if (claim) this.#parts.claims.end(claim)
  }

  #subject(head: HeadOf<typeof catalogue.openWrite>): ClaimSubject {
    const { tree, blocks } = this.#parts
    const { mode, parents = false } = head
    if (mode === 'put' && head.path !== undefined && head.node === undefined) {
      const place = tree.place(head.path, parents)
      if (!place.node) {
        const order = blocks.orderFor(head.storageClass, place.directory.order, head.path)
        return { mode, file: undefined, path: head.path, parents, order }
      }
    }
    const target = tree.target(head)
    const file = fileOf(target.node, target.path)
    const order = blocks.orderFor(head.storageClass, file.order, target.path)
    return { mode, file, path: target.path, parents, order }
  }

  /** The closing commit of a plain write. */
  #swap(claim: Claim, size: number): NodeInfo {
    const { reaper, totals } = this.#parts
    const { file, path } = claim.file ? { file: claim.file, path: this.#pathOf(claim) } : this.#newFile(claim)
    const old = file.chain
    totals.storedBytes += size - file.size
    file.chain = chainOf(claim.blocks.splice(0, this.#blocksFor(size)))
    file.size = size
    file.version += 1
    file.order = claim.order
    reaper.free(Array.isArray(old) ? old : chainSlice(old, 0, 1))
    return nodeInfo(file, path)
  }

  /** Where a `put` began with nothing at its path. Somebody may have made a file there meanwhile: that one is replaced. */
  #newFile(claim: Claim): { file: FileNode; path: string } {
    const { tree, claims } = this.#parts
    const { path } = claim
    const place = tree.place(path, claim.parents)
    if (!place.node) return { file: tree.add(place, birth => new FileNode(birth, claim.order)), path }
    const file = fileOf(place.node, path)
    claims.checkFree(file, path)
    return { file, path }
  }

  #publish(claim: Claim, size: number, close: boolean): NodeInfo {
    const { claims, totals } = this.#parts
    const { file } = claim
    try {
      const path = this.#pathOf(claim)
      if (!file) throw new GliderError('INTERNAL', `${path}: a claim that writes in place has its file`)
      if (size > file.size) {
        const more = this.#blocksFor(size) - chainLength(file.chain)
        file.chain = chainAppend(file.chain, claim.blocks.splice(0, more))
        totals.storedBytes += size - file.size
        file.size = size
      }
      return nodeInfo(file, path)
    } finally {
      if (close) claims.end(claim)
    }
  }

  #blocksFor(size: number): number {
    return Math.ceil(size / this.#parts.blocks.blockBytes)
  }

  #isThere(claim: Claim): boolean {
    return !claim.file || this.#parts.tree.pathOf(claim.file) !== undefined
  }

  /** @throws GliderError NOT_FOUND once the file of the claim was deleted */
  #pathOf(claim: Claim): string {
    if (!claim.file) return claim.path
    const path = this.#parts.tree.pathOf(claim.file)
    if (path === undefined) throw new GliderError('NOT_FOUND', `${claim.path} was deleted while it was being written`)
    return path
  }
}

function isPlain(claim: Claim): boolean {
  return claim.mode === 'replace' || claim.mode === 'put'
}

function fileOf(node: Node, path: string): FileNode {
  if (node.type !== 'file') throw typeMismatch(path, node.type, 'a file')
  return node
}
