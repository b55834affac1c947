/**
 * Who owns which block, found by a walk in slices while the tree goes on living. Always holds: a block that was taken before the
 * walk and is owned throughout has been seen when it ends. For blocks go from claims to nodes and never back, claims are walked
 * first, and nodes in order of their ids.
 */
import type { ActionObject } from './action-object.ts'
import type { Block, BlockSpace } from './blocks.ts'
import type { Claim, Claims } from './claims.ts'
import type { BagNode, BytesNode, Chain, Node } from './node.ts'
import type { Tree } from './tree.ts'

/** One committed content of a node, or an open claim. */
export type Owner =
  | { readonly kind: 'node'; readonly node: BytesNode | BagNode; readonly version: number }
  | { readonly kind: 'claim'; readonly claim: Claim }

/** By number of the block, what was seen: who has it, and how many bytes of it are committed. */
export class OwnedBlocks {
  readonly blocks: (Block | undefined)[] = []
  readonly owners: (Owner | undefined)[] = []
  readonly bytes: number[] = []

  constructor(space: BlockSpace) {
    // At once, so that they need not grow when a high number comes first.
    for (const list of [this.blocks, this.owners, this.bytes]) list.length = space.touched
  }
}

export interface OwnershipParts {
  readonly tree: Tree
  readonly claims: Claims
  readonly blockBytes: number
  /** Told of a block that its owner shares: `other` has it as well, where that is known. */
  readonly doubly: (block: Block, owner: Owner, other: Owner | undefined) => void
}

export class Ownership {
  readonly spaces = new Map<BlockSpace, OwnedBlocks>()
  readonly objects = new Set<ActionObject>()
  /** The root included. */
  nodes = 0
  blocks = 0
  readonly #parts: OwnershipParts

  constructor(parts: OwnershipParts) {
    this.#parts = parts
  }

  of(space: BlockSpace): OwnedBlocks {
    let owned = this.spaces.get(space)
    if (!owned) {
      owned = new OwnedBlocks(space)
      this.spaces.set(space, owned)
    }
    return owned
  }

  /** Each step is short; between two of them anything may change. */
  *walk(): Generator<undefined, undefined> {
    for (const claim of this.#parts.claims.all()) {
      const owner: Owner = { kind: 'claim', claim }
      // From behind: a commit takes blocks away at the front.
      for (let at = claim.blocks.length - 1; at >= 0; at -= 1) {
        const block = claim.blocks[at]
        if (block) this.#see(block, owner, 0)
        yield
      }
    }
    for (const node of this.#parts.tree.all()) {
      this.nodes += 1
      yield
      yield* this.#walkNode(node)
    }
    return undefined
  }

  /** Where the owner is to be found; undefined once it does not own what it had any more. */
  pathOf(owner: Owner): string | undefined {
    if (owner.kind === 'claim') return owner.claim.path
    const { node, version } = owner
    return versionOf(node) === version ? this.#parts.tree.pathOf(node) : undefined
  }

  *#walkNode(node: Node): Generator<undefined, undefined> {
    if (node.type === 'file' || node.type === 'keyvalue') yield* this.#walkBytes(node)
    else if (node.type === 'bag') yield* this.#walkBag(node)
    else if (node.type === 'action' && node.object) this.objects.add(node.object)
    return undefined
  }

  *#walkBytes(node: BytesNode): Generator<undefined, undefined> {
    let owner = { kind: 'node', node, version: node.version } as const
    for (let at = 0; ; at += 1) {
      if (owner.version !== node.version) {
        owner = { kind: 'node', node, version: node.version }
        at = 0
      }
      const block = blockAt(node.chain, at)
      if (!block) return undefined
      this.#see(block, owner, this.#bytesAt(node.size, at))
      yield
    }
  }

  *#walkBag(bag: BagNode): Generator<undefined, undefined> {
    const owner: Owner = { kind: 'node', node: bag, version: 0 }
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
    const before = owned.blocks[index] === block ? owned.owners[index] : undefined
    const now = space.at(index)
    if (now !== block) this.#parts.doubly(block, owner, owned.blocks[index] === now ? owned.owners[index] : undefined)
    else if (before && this.#owns(before, owner, block)) this.#parts.doubly(block, owner, before)
    if (before === undefined) this.blocks += 1
    owned.blocks[index] = block
    owned.owners[index] = owner
    owned.bytes[index] = bytes
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
