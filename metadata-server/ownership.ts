/**
 * Who owns which block, found by a walk in slices while the tree goes on living. Always holds: a block that was taken before the
 * walk and is owned throughout has been seen when it ends. For blocks go from claims to nodes and never back, claims are walked
 * first, and nodes in order of their ids.
 */
import type { ActionObject } from './action-object.ts'
import type { Block, BlockSpace } from './blocks.ts'
import type { Claim } from './claim.ts'
import type { Claims } from './claims.ts'
import type { BagNode, BytesNode, Chain, Node } from './node.ts'
import type { Tree } from './tree.ts'

/** One committed content of a node, or an open claim. */
export type Owner =
  | { readonly kind: 'node'; readonly node: BytesNode | BagNode; readonly version: number; readonly tree: Tree }
  | { readonly kind: 'claim'; readonly claim: Claim }

/** What was seen of a block. */
export interface Seen {
  readonly block: Block
  readonly owner: Owner
  /** Committed in it. */
  readonly bytes: number
}

const CHUNK = 1024

/** The blocks of one server by their numbers; in chunks, since one list of a million takes long to make, and to grow. */
export class OwnedBlocks {
  readonly #chunks: (Seen | undefined)[][] = []

  /** Numbers from here on were not seen. */
  get end(): number {
    return this.#chunks.length * CHUNK
  }

  get(index: number): Seen | undefined {
    return this.#chunks[Math.floor(index / CHUNK)]?.[index % CHUNK]
  }

  set(index: number, seen: Seen): void {
    const at = Math.floor(index / CHUNK)
    while (this.#chunks.length <= at) this.#chunks.push([])
    const chunk = this.#chunks[at]!
    while (chunk.length < index % CHUNK) chunk.push(undefined)
    chunk[index % CHUNK] = seen
  }
}

/** What owns blocks in one namespace. */
export interface Home {
  readonly tree: Tree
  readonly claims: Claims
}

export interface OwnershipParts {
  readonly homes: readonly Home[]
  readonly blockBytes: number
  /** Told of a block that its owner shares: `other` has it as well, where that is known. */
  readonly doubly: (block: Block, owner: Owner, other: Owner | undefined) => void
}

export class Ownership {
  readonly spaces = new Map<BlockSpace, OwnedBlocks>()
  readonly objects = new Set<ActionObject>()
  /** Roots are not counted. */
  nodes = 0
  blocks = 0
  readonly #parts: OwnershipParts

  constructor(parts: OwnershipParts) {
    this.#parts = parts
  }

  of(space: BlockSpace): OwnedBlocks {
    let owned = this.spaces.get(space)
    if (!owned) {
      owned = new OwnedBlocks()
      this.spaces.set(space, owned)
    }
    return owned
  }

  /** Each step is short; between two of them anything may change. */
  *walk(): Generator<undefined, undefined> {
    for (const { claims } of this.#parts.homes) yield* this.#walkClaims(claims)
    for (const { tree } of this.#parts.homes) {
      for (const node of tree.all()) {
        this.nodes += node === tree.root ? 0 : 1
        yield
        yield* this.#walkNode(node, tree)
      }
    }
    return undefined
  }

  /** Where the owner is to be found; undefined once it does not own what it had any more. */
  pathOf(owner: Owner): string | undefined {
    if (owner.kind === 'claim') return owner.claim.path
    const { node, version, tree } = owner
    return versionOf(node) === version ? tree.pathOf(node) : undefined
  }

  *#walkClaims(claims: Claims): Generator<undefined, undefined> {
    for (const claim of claims.all()) {
      const owner: Owner = { kind: 'claim', claim }
      // From behind: a commit takes blocks away at the front.
      for (let at = claim.blocks.length - 1; at >= 0; at -= 1) {
        const block = claim.blocks[at]
        if (block) this.#see(block, owner, 0)
        yield
      }
    }
    return undefined
  }

  *#walkNode(node: Node, tree: Tree): Generator<undefined, undefined> {
    if (node.type === 'file' || node.type === 'keyvalue') yield* this.#walkBytes(node, tree)
    else if (node.type === 'bag') yield* this.#walkBag(node, tree)
    else if (node.type === 'action' && node.object) this.objects.add(node.object)
    return undefined
  }

  *#walkBytes(node: BytesNode, tree: Tree): Generator<undefined, undefined> {
    let owner = { kind: 'node', node, version: node.version, tree } as const
    for (let at = 0; ; at += 1) {
      if (owner.version !== node.version) {
        owner = { kind: 'node', node, version: node.version, tree }
        at = 0
      }
      const block = blockAt(node.chain, at)
      if (!block) return undefined
      this.#see(block, owner, this.#bytesAt(node.size, at))
      yield
    }
  }

  *#walkBag(bag: BagNode, tree: Tree): Generator<undefined, undefined> {
    const owner: Owner = { kind: 'node', node: bag, version: 0, tree }
    // Once the bag is deleted, it has no parts.
    for (let part = 0; part < bag.parts.length; part += 1) {
      for (let at = 0; ; at += 1) {
        const { size = 0, chain } = bag.parts[part] ?? {}
        const block = blockAt(chain, at)
        if (!block) break
        this.#see(block, owner, this.#bytesAt(size, at))
        yield
      }
    }
    return undefined
  }

  #bytesAt(size: number, at: number): number {
    const { blockBytes } = this.#parts
    return Math.max(0, Math.min(blockBytes, size - at * blockBytes))
  }

  #see(block: Block, owner: Owner, bytes: number): void {
    const { space, index } = block
    const owned = this.of(space)
    const seen = owned.get(index)
    const now = space.at(index)
    if (now !== block) this.#parts.doubly(block, owner, seen?.block === now ? seen?.owner : undefined)
    else if (seen?.block === block && this.#owns(seen.owner, owner, block)) this.#parts.doubly(block, owner, seen.owner)
    if (seen?.block !== block) this.blocks += 1
    owned.set(index, { block, owner, bytes })
  }

  /** Whether one seen before has the block beside its owner, and has not handed it on meanwhile. */
  #owns(before: Owner, owner: Owner, block: Block): boolean {
    if (before.kind === 'claim') return before !== owner && before.claim.blocks.includes(block)
    return this.pathOf(before) !== undefined
  }
}

function versionOf(node: BytesNode | BagNode): number {
  return node.type === 'bag' ? 0 : node.version
}

function blockAt(chain: Chain, at: number): Block | undefined {
  if (Array.isArray(chain)) return chain[at]
  return at === 0 ? chain : undefined
}
