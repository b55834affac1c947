/**
 * The kinds of nodes. To add one: a class here, a member of {@link Node}, and what the compiler then asks for in the
 * exhaustive switches. Nodes are small, because there are millions: a file of one block has no array.
 */
import type { NodeType } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import type { ActionObject } from './action-object.ts'
import type { Block } from './blocks.ts'
import { Children } from './children.ts'
import type { Lease, Leased } from './lease.ts'
import type { StorageOrder } from './orders.ts'
import type { ServerRecord } from './servers.ts'

/** What every new node is given; its name and parent come with its place. */
export interface Birth {
  readonly id: number
  readonly createdAt: number
}

abstract class NodeBase implements Leased {
  readonly id: number
  /** Undefined for the root, and from the moment of deletion. */
  parent: ParentNode | undefined
  name: string
  /** Counts the arrivals in its parent; see children.ts. */
  ordinal: number
  readonly createdAt: number
  /** The first of its leases; see lease-table.ts. */
  leases: Lease | undefined

  constructor(birth: Birth) {
    this.id = birth.id
    this.parent = undefined
    this.name = ''
    this.ordinal = 0
    this.createdAt = birth.createdAt
    this.leases = undefined
  }
}

/** What holds other nodes. */
abstract class HoldingNode extends NodeBase {
  /** Classes that what is created below goes to unless it says otherwise. */
  readonly order: StorageOrder
  readonly children = new Children<Node>()

  constructor(birth: Birth, order: StorageOrder) {
    super(birth)
    this.order = order
  }
}

export class DirectoryNode extends HoldingNode {
  readonly type = 'directory'
}

/** Holds keyvalues, and nothing else does. */
export class TableNode extends HoldingNode {
  readonly type = 'table'
}

/** What holds bytes; contents.ts exchanges them. */
abstract class ContentNode extends NodeBase {
  order: StorageOrder
  /** Committed length. */
  size: number
  /** Rises when other content takes the place of the committed one. */
  version: number
  /** Has exactly the blocks that the committed length needs, or none where the bytes are inline. */
  chain: Chain
  /** The bytes themselves, where they are few. Never written to. */
  inline: Buffer | undefined

  constructor(birth: Birth, order: StorageOrder) {
    super(birth)
    this.order = order
    this.size = 0
    this.version = 0
    this.chain = undefined
    this.inline = undefined
  }
}

/** What a node knows of a write claim; see claims.ts. */
export interface HeldClaim {
  readonly id: string
  /** Handed out and not committed, in order of the file. */
  readonly blocks: Block[]
}

export class FileNode extends ContentNode {
  readonly type = 'file'
  /** Of the one who writes. */
  claim: HeldClaim | undefined

  constructor(birth: Birth, order: StorageOrder) {
    super(birth, order)
    this.claim = undefined
  }
}

export class KeyValueNode extends ContentNode {
  readonly type = 'keyvalue'
}

/** What one stream has added to a bag. Never empty, and never changed. */
export interface Part {
  readonly size: number
  readonly chain: Chain
}

export class BagNode extends NodeBase {
  readonly type = 'bag'
  readonly order: StorageOrder
  /** Committed ones, in order of their commits. */
  parts: Part[] = []
  /** Sum over the parts. */
  size = 0
  /** Of those who write. */
  readonly claims = new Set<HeldClaim>()

  constructor(birth: Birth, order: StorageOrder) {
    super(birth)
    this.order = order
  }
}

export class ActionNode extends NodeBase {
  readonly type = 'action'
  /** The server whose host its object is to be on, if there is a slot. */
  readonly near: ServerRecord | undefined
  /** Undefined while empty. */
  object: ActionObject | undefined

  constructor(birth: Birth, near: ServerRecord | undefined) {
    super(birth)
    this.near = near
    this.object = undefined
  }
}

export type ParentNode = DirectoryNode | TableNode
export type BytesNode = FileNode | KeyValueNode
export type Node = ParentNode | BytesNode | BagNode | ActionNode

/** Committed blocks of a node, in order. */
export type Chain = undefined | Block | Block[]

export function chainLength(chain: Chain): number {
  if (chain === undefined) return 0
  return Array.isArray(chain) ? chain.length : 1
}

export function chainSlice(chain: Chain, from: number, to: number): Block[] {
  if (Array.isArray(chain)) return chain.slice(from, to)
  return chain !== undefined && from <= 0 && to > 0 ? [chain] : []
}

export function chainOf(blocks: Block[]): Chain {
  return blocks.length > 1 ? blocks : blocks[0]
}

/** All blocks of a chain that nobody uses any more. */
export function chainBlocks(chain: Chain): Block[] {
  return Array.isArray(chain) ? chain : chainSlice(chain, 0, 1)
}

export function chainAppend(chain: Chain, more: readonly Block[]): Chain {
  if (more.length === 0) return chain
  if (!Array.isArray(chain)) return chainOf(chain ? [chain, ...more] : [...more])
  for (const block of more) chain.push(block)
  return chain
}

/** The node itself, if it can have children. */
export function childrenOf(node: Node): ParentNode | undefined {
  return node.type === 'directory' || node.type === 'table' ? node : undefined
}

/** A table holds keyvalues, and only a table does. */
export function canHold(parent: ParentNode, type: NodeType): boolean {
  return (parent.type === 'table') === (type === 'keyvalue')
}

export function typeMismatch(path: string, is: NodeType, wanted: string): GliderError {
  return new GliderError('TYPE_MISMATCH', `${path} is of type ${is}, not ${wanted}`)
}
