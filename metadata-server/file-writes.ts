/**
 * Writing under a claim. Plain writes (`replace`, `put`, and the parts of bags) fill new blocks, which take their place at the
 * closing commit; writes in place to a file (`append`, `update`) go on in the committed chain, and each commit publishes.
 */
import type { AnswerOf, catalogue, HeadOf, NodeInfo } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { joinPath } from '../protocol/paths.ts'
import type { Reply } from '../protocol/peer.ts'
import { type BlockChain, chainAnswer, checkKept } from './block-chain.ts'
import type { Claim, ClaimSubject } from './claim.ts'
import type { Claims } from './claims.ts'
import type { Contents } from './contents.ts'
import {
  type BagNode,
  type BytesNode,
  chainAppend,
  chainLength,
  chainOf,
  chainSlice,
  FileNode,
  KeyValueNode,
  typeMismatch,
} from './node.ts'
import { nodeInfo } from './node-info.ts'
import type { Party } from './party.ts'
import type { BlockSpaces } from './spaces.ts'
import type { Tree } from './tree.ts'
import { writeSubject } from './write-subject.ts'

export interface FileWritesParts {
  readonly tree: Tree
  readonly blocks: BlockSpaces
  readonly claims: Claims
  readonly contents: Contents
}

type Commit = HeadOf<typeof catalogue.commit>

/** Most existing blocks that an opening hands out; `locate` gives those behind them. */
const MOST_EXISTING = 256

export class FileWrites {
  readonly #parts: FileWritesParts

  constructor(parts: FileWritesParts) {
    this.#parts = parts
  }

  open(head: HeadOf<typeof catalogue.openWrite>, caller: Party): Reply<AnswerOf<typeof catalogue.openWrite>> {
    const { tree, blocks: spaces, claims } = this.#parts
    const subject = writeSubject(tree, spaces, head)
    const { mode, path } = subject
    claims.checkFree(subject.node, path)
    claims.checkCount()
    const file = fileInPlace(subject)
    const length = chainLength(file?.chain)
    checkKept(chainSlice(file?.chain, 0, length), path)
    const size = file?.size ?? 0
    const first = mode === 'append' && !file?.inline ? Math.floor(size / spaces.blockBytes) : 0
    const existing = chainSlice(file?.chain, first, first + MOST_EXISTING)
    // New blocks follow the committed ones, so they can only be told once all of those were.
    const wanted = first + existing.length < length ? 0 : (head.blocks ?? (mode === 'update' ? 0 : 1))
    // Where all is full the claim starts without any: what is written may fit into what the file has, or be nothing.
    const fresh = spaces.takeIfFree(subject.order, wanted)
    const claim = claims.take(subject, fresh, caller)
    const answer = chainAnswer([...existing, ...fresh], 'write')
    return { head: { claim: claim.id, path, blockBytes: spaces.blockBytes, size, first, ...answer }, body: file?.inline }
  }

  extend(head: HeadOf<typeof catalogue.extend>): BlockChain {
    const claim = this.#parts.claims.get(head.claim)
    const path = this.#pathOf(claim)
    const fresh = this.#parts.blocks.take(claim.order, head.blocks, path)
    for (const block of fresh) claim.blocks.push(block)
    this.#parts.claims.changed(claim)
    return chainAnswer(fresh, 'write')
  }

  /** Locations for writing of what the claim covers: the chain of its file, if it writes in place, and its own blocks. */
  locate(head: HeadOf<typeof catalogue.locate>, claimId: string): BlockChain {
    const claim = this.#parts.claims.get(claimId)
    const path = this.#pathOf(claim)
    const committed = fileInPlace(claim)?.chain
    const behind = chainLength(committed)
    const end = head.first + head.blocks
    const own = claim.blocks.slice(Math.max(0, head.first - behind), Math.max(0, end - behind))
    const blocks = [...chainSlice(committed, head.first, end), ...own]
    checkKept(blocks, path)
    return chainAnswer(blocks, 'write')
  }

  commit(head: Commit): NodeInfo {
    const { claims } = this.#parts
    const claim = claims.get(head.claim)
    const file = fileInPlace(claim)
    if (this.#isThere(claim)) {
      this.#checkFits(claim, file, head)
      checkKept(claim.blocks.slice(0, Math.max(0, this.#blocksFor(head.size) - chainLength(file?.chain))), claim.path)
    }
    if (file) return this.#publish(claim, file, head)
    if (!head.close) {
      throw new GliderError('INVALID_ARGUMENT', `${claim.path}: a write that replaces publishes only when it closes: use append`)
    }
    try {
      return claim.node?.type === 'bag' ? this.#addPart(claim, claim.node, head.size) : this.#swap(claim, head.size)
    } finally {
      claims.end(claim)
    }
  }

  release(claimId: string): void {
    const claim = this.#parts.claims.find(claimId)
    if (claim) this.#parts.claims.end(claim)
  }

  /** The closing commit of a plain write to a file or keyvalue. */
  #swap(claim: Claim, size: number): NodeInfo {
    const { node, path } = this.#destination(claim, size)
    this.#parts.contents.replace(node, size, chainOf(claim.blocks.splice(0, this.#blocksFor(size))))
    node.order = claim.order
    return nodeInfo(node, path)
  }

  #addPart(claim: Claim, bag: BagNode, size: number): NodeInfo {
    const path = this.#pathOf(claim)
    this.#parts.contents.checkRoom(size, 0)
    if (size > 0) this.#parts.contents.addPart(bag, size, chainOf(claim.blocks.splice(0, this.#blocksFor(size))))
    return nodeInfo(bag, path)
  }

  /** Where there is none yet, it is made, once it is known that the bytes have room. */
  #destination(claim: Claim, size: number): { node: BytesNode; path: string } {
    const { tree, claims, contents } = this.#parts
    const { node, order } = claim
    const now = node && this.#pathOf(claim)
    // A put names a path, and what was renamed meanwhile is not there any more: whoever asks again is told what is.
    if (claim.mode === 'put' && claim.byPath && now !== undefined && now !== claim.path) {
      throw new GliderError('NOT_FOUND', `${claim.path} is ${now} since it was opened: put it again`)
    }
    if (node?.type === 'file' || node?.type === 'keyvalue') {
      contents.checkRoom(size, node.size)
      return { node, path: this.#pathOf(claim) }
    }
    if (node?.type === 'table') {
      const place = tree.placeIn(node, claim.key, this.#pathOfNode(claim))
      const { path } = place
      contents.checkRoom(size, place.node?.type === 'keyvalue' ? place.node.size : 0)
      if (place.node?.type === 'keyvalue') return { node: place.node, path }
      if (!place.node) return { node: tree.add(place, birth => new KeyValueNode(birth, order)), path }
    }
    // Where a `put` began with nothing at its path, somebody may have made a file meanwhile: that one is replaced.
    const { path } = claim
    const place = tree.place(path, claim.parents)
    tree.checkHolds(place, 'file')
    contents.checkRoom(size, place.node?.type === 'file' ? place.node.size : 0)
    if (!place.node) return { node: tree.add(place, birth => new FileNode(birth, order)), path }
    if (place.node.type !== 'file') throw typeMismatch(path, place.node.type, 'a file')
    claims.checkFree(place.node, path)
    return { node: place.node, path }
  }

  #publish(claim: Claim, file: FileNode, { size, close, moved = false }: Commit): NodeInfo {
    const { claims, contents } = this.#parts
    try {
      const path = this.#pathOf(claim)
      if (moved) contents.moved(file)
      if (!file.inline) {
        const length = Math.max(size, file.size)
        contents.checkRoom(length, file.size)
        const more = this.#blocksFor(length) - chainLength(file.chain)
        const chain = chainAppend(file.chain, claim.blocks.splice(0, more))
        contents.extended(file, length, chain)
        claims.changed(claim)
      }
      return nodeInfo(file, path)
    } finally {
      if (close) claims.end(claim)
    }
  }

  /** What is committed lies in the blocks of the claim and its file, but for bytes that are inline and were not moved. */
  #checkFits({ blocks, path }: Claim, file: FileNode | undefined, { size, moved = false }: Commit): void {
    if (file?.inline && !moved) {
      if (size <= file.size) return
      throw new GliderError('INVALID_ARGUMENT', `${path} has its bytes inline: move them into its first block to add to them`)
    }
    const available = blocks.length + chainLength(file?.chain)
    if (this.#blocksFor(Math.max(size, file?.size ?? 0)) <= available) return
    const reason = `${path}: ${size} bytes do not fit into the ${available} blocks of the claim: extend it first`
    throw new GliderError('INVALID_ARGUMENT', reason)
  }

  #blocksFor(size: number): number {
    return Math.ceil(size / this.#parts.blocks.blockBytes)
  }

  #isThere(claim: Claim): boolean {
    return !claim.node || this.#parts.tree.pathOf(claim.node) !== undefined
  }

  /** @throws GliderError NOT_FOUND once what the claim writes to was deleted */
  #pathOf(claim: Claim): string {
    if (!claim.node) return claim.path
    const path = this.#pathOfNode(claim)
    return claim.node.type === 'table' ? joinPath(path, claim.key) : path
  }

  #pathOfNode({ node, path: opened }: Claim): string {
    const path = node && this.#parts.tree.pathOf(node)
    if (path === undefined) throw new GliderError('NOT_FOUND', `${opened} was deleted while it was being written`)
    return path
  }
}

/** The file that is written in place, if that is what the claim does. */
function fileInPlace({ mode, node }: ClaimSubject): FileNode | undefined {
  return node?.type === 'file' && (mode === 'append' || mode === 'update') ? node : undefined
}
