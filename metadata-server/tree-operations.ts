/** The operations of the tree: names, checks in the order of the contract, and what each change sets free. */
import type { AnswerOf, catalogue, HeadOf, NodeInfo } from '../protocol/catalogue.ts'
import { GliderError, unreachable } from '../protocol/errors.ts'
import { remedies } from '../protocol/remedies.ts'
import { countOf } from '../protocol/units.ts'
import { Certain } from './certain.ts'
import { checkChain } from './chain.ts'
import type { Leases } from './leases.ts'
import { listPage } from './listing.ts'
import { lostBytesOf } from './lost-bytes.ts'
import { nearServer } from './near.ts'
import {
  ActionNode,
  BagNode,
  type Birth,
  childrenOf,
  DirectoryNode,
  FileNode,
  KeyValueNode,
  type Node,
  TableNode,
  typeMismatch,
} from './node.ts'
import { nodeInfo } from './node-info.ts'
import type { StorageOrder } from './orders.ts'
import type { Reaper } from './reaper.ts'
import type { ServerRecord } from './servers.ts'
import type { BlockSpaces } from './spaces.ts'
import type { Tree } from './tree.ts'

export interface TreeOperationsParts {
  readonly tree: Tree
  readonly blocks: BlockSpaces
  readonly reaper: Reaper
  readonly leases: Leases
}

type Created = AnswerOf<typeof catalogue.create>
type Deleted = AnswerOf<typeof catalogue.delete>

export class TreeOperations {
  readonly #parts: TreeOperationsParts

  constructor(parts: TreeOperationsParts) {
    this.#parts = parts
  }

  create(head: HeadOf<typeof catalogue.create>): Created | Promise<Created> | Certain<Created> {
    const { tree, reaper } = this.#parts
    const { path, type } = head
    const near = nearServer(tree, head.near)
    const place = tree.place(path, head.parents ?? false)
    tree.checkHolds(place, type)
    const old = place.node
    if (!old) return this.#made(tree.add(place, this.#maker(head, place.parent.order, near)), head)
    if (head.ifExists === 'open') {
      if (old.type !== type) throw typeMismatch(path, old.type, type)
      return nodeInfo(old, path)
    }
    if (head.ifExists !== 'replace' || !old.parent) {
      throw new GliderError('ALREADY_EXISTS', `${path} exists: choose another name, or ${remedies.ifExists}`)
    }
    checkEmpty(old, path, 'delete what it holds first')
    checkNotWaited(old, head)
    const made = tree.replace(old, this.#maker(head, old.parent.order, near))
    const freed = reaper.reap(old, 'wait', head)
    if (!freed) return this.#made(made, head)
    return head.ttlMs === undefined ? new Certain(nodeInfo(made, path), freed) : freed.then(() => this.#made(made, head))
  }

  lookup({ path, type }: HeadOf<typeof catalogue.lookup>): NodeInfo {
    const node = this.#parts.tree.get(path)
    if (type !== undefined && node.type !== type) throw typeMismatch(path, node.type, type)
    return nodeInfo(node, path)
  }

  stat(head: HeadOf<typeof catalogue.stat>): NodeInfo {
    const { node, path } = this.#parts.tree.target(head)
    const lostBytes = lostBytesOf(node, this.#parts.blocks.blockBytes)
    return { ...nodeInfo(node, path), ...(lostBytes > 0 && { lostBytes }) }
  }

  exists({ path }: HeadOf<typeof catalogue.exists>): boolean {
    return this.#parts.tree.find(path) !== undefined
  }

  list(head: HeadOf<typeof catalogue.list>): AnswerOf<typeof catalogue.list> {
    const { node, path } = this.#parts.tree.target(head)
    const parent = childrenOf(node)
    if (!parent) throw typeMismatch(path, node.type, 'one that can be listed')
    return { path, ...listPage(parent, head.cursor) }
  }

  rename({ from, to }: HeadOf<typeof catalogue.rename>): NodeInfo {
    return nodeInfo(this.#parts.tree.rename(from, to), to)
  }

  /** Answers whether something was there, once all that it held is free. */
  delete(head: HeadOf<typeof catalogue.delete>): Deleted | Certain<Deleted> {
    const { tree, reaper } = this.#parts
    const recursive = head.recursive ?? false
    if (head.path !== undefined && head.node === undefined && !tree.find(head.path)) return { deleted: false }
    if (head.key !== undefined && !tree.placeOf(head, false).node) return { deleted: false }
    const { node, path } = tree.target(head)
    if (node === tree.root) throw new GliderError('INVALID_ARGUMENT', '/ cannot be deleted: delete what it holds')
    if (!recursive) {
      checkEmpty(node, path, remedies.recursive)
      checkNotWaited(node, { path, chain: head.chain })
    }
    tree.detach(node)
    const freed = reaper.reap(node, recursive ? 'abort' : 'wait', head)
    return freed ? new Certain({ deleted: true }, freed) : { deleted: true }
  }

  /** The time of a new node's lease begins with this answer, which tells its creator what to renew. */
  #made(node: Node, { path, ttlMs }: HeadOf<typeof catalogue.create>): Created {
    const info = nodeInfo(node, path)
    // While what was replaced came to its end, somebody may have deleted the new node.
    const isLeased = ttlMs !== undefined && this.#parts.tree.pathOf(node) !== undefined
    return isLeased ? { ...info, lease: this.#parts.leases.give(node, ttlMs) } : info
  }

  /** Checks the storage class, and tells how to make a node of the type. */
  #maker(
    { path, type, storageClass: choice }: HeadOf<typeof catalogue.create>,
    inherited: StorageOrder,
    near: ServerRecord | undefined,
  ): (birth: Birth) => Node {
    if (type === 'action') {
      if (choice !== undefined && [choice].flat().some(name => name !== 'active')) {
        throw new GliderError('INVALID_ARGUMENT', `${path}: an action is in the storage class active: leave storageClass out`)
      }
      return birth => new ActionNode(birth, near)
    }
    const { blocks } = this.#parts
    // What a directory is near to says nothing about what is created below.
    const order = blocks.orderFor(choice, inherited, path, type === 'directory' ? undefined : near)
    switch (type) {
      case 'file':
        return birth => new FileNode(birth, order)
      case 'directory':
        return birth => new DirectoryNode(birth, order)
      case 'table':
        return birth => new TableNode(birth, order)
      case 'keyvalue':
        return birth => new KeyValueNode(birth, order)
      case 'bag':
        return birth => new BagNode(birth, order)
      default:
        return unreachable(type)
    }
  }
}

/** An action's node goes once its object has ended, which an object of the chain cannot wait for. */
function checkNotWaited(node: Node, asked: Parameters<typeof checkChain>[1]): void {
  if (node.type === 'action' && node.object && node.object.state !== 'lost') checkChain(node.object, asked)
}

function checkEmpty(node: Node, path: string, remedy: string): void {
  const size = childrenOf(node)?.children.size ?? 0
  if (size > 0) throw new GliderError('NOT_EMPTY', `${path} holds ${countOf(size, 'node')}: ${remedy}`)
}
