/**
 * The kinds of nodes. To add one: a class here, a member of {@link Node}, and what the compiler then asks for in the
 * exhaustive switches. Nodes are small, because there are millions: a file of one block has no array.
 */
import type { NodeType } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import type { ActionObject } from './action-object.ts'
import type { Block } from './blocks.ts'

/** What every new node is given; its name and parent come with its place. */
export interface Birth {
  readonly id: number
  readonly createdAt: number
}

abstract class NodeBase {
  readonly id: number
  /** Undefined for the root, and from the moment of deletion. */
  parent: DirectoryNode | undefined
  name: string
  /** Counts the arrivals in its parent: children are listed in this order. */
  ordinal: number
  readonly createdAt: number

  constructor(birth: Birth) {
    this.id = birth.id
    this.parent = undefined
    this.name = ''
    this.ordinal = 0
    this.createdAt = birth.createdAt
  }
}

export class DirectoryNode extends NodeBase {
  readonly type = 'directory'
  /** Classes that what is created below goes to unless it says otherwise. */
  readonly order: readonly string[]
  readonly children = new Map<string, Node>()
  nextOrdinal = 0

  constructor(birth: Birth, order: readonly string[]) {
    super(birth)
    this.order = order
  }
}

/** What a file knows of its write claim; see claims.ts. */
export interface HeldClaim {
  readonly id: string
  /** Handed out and not committed, in order of the file. */
  readonly blocks: Block[]
}

export class FileNode extends NodeBase {
  readonly type = 'file'
  order: readonly string[]
  /** Committed length; the chain has exactly the blocks that it needs. */
  size: number
  /** Rises when other content takes the place of the committed one. */
  version: number
  chain: Chain
  /** Of the one who writes. */
  claim: HeldClaim | undefined

  constructor(birth: Birth, order: readonly string[]) {
    super(birth)
    this.order = order
    this.size = 0
    this.version = 0
    this.chain = undefined
    this.claim = undefined
  }
}

export class ActionNode extends NodeBase {
  readonly type = 'action'
  /** Undefined while empty. */
  object: ActionObject | undefined

  constructor(birth: Birth) {
    super(birth)
    this.object = undefined
  }
}

export type Node = FileNode | DirectoryNode | ActionNode

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

export function chainAppend(chain: Chain, more: readonly Block[]): Chain {
  if (more.length === 0) return chain
  if (!Array.isArray(chain)) return chainOf(chain ? [chain, ...more] : [...more])
  for (const block of more) chain.push(block)
  return chain
}

/** The children of nodes that have some. */
export function childrenOf(node: Node): DirectoryNode | undefined {
  return node.type === 'directory' ? node : undefined
}

export function typeMismatch(path: string, is: NodeType, wanted: string): GliderError {
  return new GliderError('TYPE_MISMATCH', `${path} is of type ${is}, not ${wanted}`)
}
