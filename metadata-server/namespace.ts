/** The operations of the tree: names, checks in the order of the contract, and what each change sets free. */
import type { AnswerOf, catalogue, HeadOf, NodeInfo, NodeType } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { parsePath } from '../protocol/paths.ts'
import type { Listing } from './listing.ts'
import { ActionNode, childrenOf, DirectoryNode, FileNode, type Node, typeMismatch } from './node.ts'
import { nodeInfo } from './node-info.ts'
import type { Reaper } from './reaper.ts'
import type { BlockSpaces, StorageClassChoice } from './spaces.ts'
import type { Making, Tree } from './tree.ts'

export interface NamespaceParts {
  readonly tree: Tree
  readonly listing: Listing
  readonly blocks: BlockSpaces
  readonly reaper: Reaper
}

export class Namespace {
  readonly #parts: NamespaceParts

  constructor(parts: NamespaceParts) {
    this.#parts = parts
  }

  create(head: HeadOf<typeof catalogue.create>): NodeInfo | Promise<NodeInfo> {
    const { tree, reaper } = this.#parts
    const { path, type } = head
    if (head.near !== undefined) parsePath(head.near)
    const place = tree.place(path, head.parents ?? false)
    checkAvailable(head)
    const old = place.node
    if (!old) return nodeInfo(tree.add(place, this.#maker(type, head.storageClass, place.directory.order, path)), path)
    if (head.ifExists === 'open') {
      if (old.type !== type) throw typeMismatch(path, old.type, type)
      return nodeInfo(old, path)
    }
    if (head.ifExists !== 'replace' || !old.parent) {
      throw new GliderError('ALREADY_EXISTS', `${path} exists: choose another name, or say ifExists`)
    }
    checkEmpty(old, path, 'delete what it holds first')
    const made = tree.replace(old, this.#maker(type, head.storageClass, old.parent.order, path))
    const info = nodeInfo(made, path)
    return reaper.reap(old, 'wait')?.then(() => info) ?? info
  }

  lookup({ path, type }: HeadOf<typeof catalogue.lookup>): NodeInfo {
    const node = this.#parts.tree.get(path)
    if (type !== undefined && node.type !== type) throw typeMismatch(path, node.type, type)
    return nodeInfo(node, path)
  }

  stat(head: HeadOf<typeof catalogue.stat>): NodeInfo {
    const { node, path } = this.#parts.tree.target(head)
    return nodeInfo(node, path)
  }

  exists({ path }: HeadOf<typeof catalogue.exists>): boolean {
    return this.#parts.tree.find(path) !== undefined
  }

  list(head: HeadOf<typeof catalogue.list>): AnswerOf<typeof catalogue.list> {
    const { node, path } = this.#parts.tree.target(head)
    const directory = childrenOf(node)
    if (!directory) throw typeMismatch(path, node.type, 'one that can be listed')
    return { path, ...this.#parts.listing.page(directory, head.cursor) }
  }

  rename({ from, to }: HeadOf<typeof catalogue.rename>): NodeInfo {
    return nodeInfo(this.#parts.tree.rename(from, to), to)
  }

  /** Answers whether something was there, once all that it held is free. */
  delete(head: HeadOf<typeof catalogue.delete>): boolean | Promise<boolean> {
    const { tree, reaper } = this.#parts
    const recursive = head.recursive ?? false
    if (head.path !== undefined && head.node === undefined && !tree.find(head.path)) return false
    const { node, path } = tree.target(head)
    if (node === tree.root) throw new GliderError('INVALID_ARGUMENT', '/ cannot be deleted: delete what it holds')
    if (!recursive) checkEmpty(node, path, 'ask for recursive')
    tree.detach(node)
    return reaper.reap(node, recursive ? 'abort' : 'wait')?.then(() => true) ?? true
  }

  /** Checks the storage class, and tells how to make a node of the type. */
  #maker(type: NodeType, choice: StorageClassChoice, inherited: readonly string[], path: string): (birth: Making) => Node {
    const { blocks } = this.#parts
    switch (type) {
      case 'file': {
        const order = blocks.orderFor(choice, inherited, path)
        return birth => new FileNode(birth, order)
      }
      case 'directory': {
        const order = blocks.orderFor(choice, inherited, path)
        return birth => new DirectoryNode(birth, order)
      }
      case 'action':
        if (choice !== undefined && [choice].flat().some(name => name !== 'active')) {
          throw new GliderError('INVALID_ARGUMENT', `${path}: an action is in the storage class active: leave storageClass out`)
        }
        return birth => new ActionNode(birth)
      case 'table':
      case 'keyvalue':
      case 'bag':
        throw notAvailable(path, `the type ${type}`)
    }
  }
}

function checkAvailable({ path, type, ttlMs }: HeadOf<typeof catalogue.create>): void {
  if (type === 'table' || type === 'keyvalue' || type === 'bag') throw notAvailable(path, `the type ${type}`)
  if (ttlMs !== undefined) throw notAvailable(path, 'ttlMs')
}

function notAvailable(path: string, what: string): GliderError {
  return new GliderError('INVALID_ARGUMENT', `${path}: ${what} is not available in this version`)
}

function checkEmpty(node: Node, path: string, remedy: string): void {
  const size = childrenOf(node)?.children.size ?? 0
  if (size > 0) throw new GliderError('NOT_EMPTY', `${path} holds ${size} nodes: ${remedy}`)
}
