/**
 * The names of a namespace. Always holds: every node but the root is the child of its parent under its own name; a node is
 * attached when its parents lead to the root.
 * Nothing here changes anything before all checks have passed.
 */

import type { NodeType } from '../protocol/catalogue.ts'
import { GliderError, invariant } from '../protocol/errors.ts'
import { checkName, joinPath, parentPath, parsePath } from '../protocol/paths.ts'
import { remedies } from '../protocol/remedies.ts'
import { ChunkTable } from './chunk-table.ts'
import type { Counter } from './counter.ts'
import type { Journal } from './journal/journal.ts'
import { type Limits, noLimits } from './limits.ts'
import {
  type Birth,
  canHold,
  childrenOf,
  DirectoryNode,
  type Node,
  type ParentNode,
  type TableNode,
  typeMismatch,
} from './node.ts'
import type { StorageOrder } from './orders.ts'
import type { FreePlace, NodeName, Place, Target } from './place.ts'

/** Ids stay unique over restarts without state, as long as a start makes fewer than 4,096 nodes a millisecond. */
const IDS_PER_MS = 4096
/** The first millisecond of 2025. */
const IDS_SINCE_MS = 1_735_689_600_000

/** Where the ids of a start begin: above those of all starts before it. */
export function firstId(wallTimeMs: number): number {
  return (wallTimeMs - IDS_SINCE_MS) * IDS_PER_MS
}

export interface TreeOptions {
  readonly wallTime: () => number
  readonly journal: Journal
  /** Gives the ids: no two nodes of any namespace have the same. */
  readonly ids: Counter
  readonly limits?: Limits
  /** Of the root. */
  readonly order: StorageOrder
  readonly root: Birth
}

export class Tree {
  readonly root: DirectoryNode
  readonly #wallTime: () => number
  readonly #journal: Journal
  readonly #nodes = new ChunkTable<Node>()
  readonly #ids: Counter
  readonly #limits: Limits

  constructor({ wallTime, journal, ids, order, root, limits = noLimits }: TreeOptions) {
    this.#wallTime = wallTime
    this.#journal = journal
    this.root = new DirectoryNode(root, order)
    this.#nodes.add(root.id, this.root)
    this.#ids = ids
    this.#limits = limits
    ids.seen(root.id)
  }

  /** Nodes below the root, those included that are being freed. */
  get count(): number {
    return this.#nodes.size - 1
  }

  /** Every node that is there throughout, once, those included that are being freed. */
  all(): Iterable<Node> {
    return this.#nodes.from(0)
  }

  find(path: string): Node | undefined {
    let node: Node | undefined = this.root
    for (const part of parsePath(path)) {
      node = childrenOf(node)?.children.get(part)
      if (!node) return undefined
    }
    return node
  }

  /** @throws GliderError NOT_FOUND */
  get(path: string): Node {
    const node = this.find(path)
    if (!node) throw new GliderError('NOT_FOUND', `there is nothing at ${path}: check the path, or create it first`)
    return node
  }

  /** @throws GliderError NOT_FOUND for one that was deleted */
  byId(id: number): Target {
    const found = this.peek(id)
    if (!found) throw new GliderError('NOT_FOUND', `node ${id} was deleted: look its path up again`)
    return found
  }

  peek(id: number): Target | undefined {
    const node = this.#nodes.get(id)
    const path = node && this.pathOf(node)
    return node && path !== undefined ? { node, path } : undefined
  }

  /** The node that a head names, by path or by id. */
  target(head: NodeName): Target {
    // Not by its place: looking below what holds nothing finds nothing, making something there is a mismatch.
    if (head.path !== undefined && head.node === undefined && head.key === undefined) {
      return { node: this.get(head.path), path: head.path }
    }
    const place = this.placeOf(head, false)
    if (place.node) return place
    throw new GliderError('NOT_FOUND', `there is nothing at ${place.path}: check the path, or create it first`)
  }

  /** Where a head leads whose node is perhaps still to be made. */
  placeOf({ path, node, key }: NodeName, parents: boolean): Place {
    if (path !== undefined && node === undefined && key === undefined) return this.place(path, parents)
    if (key !== undefined) checkName(key, 'key')
    if (path !== undefined || node === undefined) {
      const none = path === undefined && node === undefined
      const given = none
        ? 'no node is named: give its path, or its id'
        : 'a node is named by its path or by its id: give one of the two'
      throw new GliderError('INVALID_ARGUMENT', given)
    }
    const named = this.byId(node)
    if (key === undefined) return named
    if (named.node.type !== 'table') throw typeMismatch(named.path, named.node.type, 'a table, which has keys')
    return this.placeIn(named.node, key, named.path)
  }

  /** The place of a key in an attached table. */
  placeIn(table: TableNode, key: string, tablePath: string): Place {
    const path = joinPath(tablePath, key)
    checkName(key, 'key', path)
    const node = table.children.get(key)
    return node ? { node, path } : { node: undefined, path, parent: table, missing: [], name: key }
  }

  /** Undefined once the node, or one above it, was deleted. */
  pathOf(node: Node): string | undefined {
    if (node === this.root) return '/'
    let path = ''
    let at: Node = node
    while (at !== this.root) {
      path = `/${at.name}${path}`
      if (!at.parent) return undefined
      at = at.parent
    }
    return path
  }

  /**
   * Checks path and parent.
   * @param parents whether missing ones are made; undefined where they cannot be
   * @throws GliderError INVALID_PATH, NOT_FOUND, TYPE_MISMATCH
   */
  place(path: string, parents: boolean | undefined): Place {
    const parts = parsePath(path)
    let node: Node = this.root
    for (let i = 0; i < parts.length; i += 1) {
      const part = parts[i]
      invariant(part !== undefined, 'a path has its parts')
      const parent = childrenOf(node)
      if (!parent) {
        const above = `/${parts.slice(0, i).join('/')}`
        if (parents || i === parts.length - 1) throw typeMismatch(above, node.type, `one that can hold ${path}`)
        throw missingParent(path, parents === false)
      }
      const child = parent.children.get(part)
      if (!child) {
        const missing = parts.slice(i, -1)
        if (missing.length > 0 && !parents) throw missingParent(path, parents === false)
        return { node: undefined, path, parent, missing, name: parts.at(-1) ?? '' }
      }
      node = child
    }
    return { node, path }
  }

  /**
   * Checks that a node of the type can be at the place.
   * @throws GliderError TYPE_MISMATCH
   */
  checkHolds(place: Place, type: NodeType): void {
    const parent = place.node ? place.node.parent : place.parent
    if (!parent) return
    const missing = place.node ? 0 : place.missing.length
    const fits = missing > 0 ? canHold(parent, 'directory') && type !== 'keyvalue' : canHold(parent, type)
    if (fits) return
    const above = this.pathOf(parent) ?? parentPath(place.path)
    throw typeMismatch(
      above,
      missing > 0 && parent.type !== 'table' ? 'directory' : parent.type,
      `one that can hold the ${type} ${place.path}`,
    )
  }

  /**
   * Makes the directories that are missing and puts a node there.
   * @throws GliderError QUOTA_EXCEEDED
   */
  add<N extends Node>(place: FreePlace, make: (birth: Birth) => N): N {
    this.#limits.check('nodes', this.count, place.missing.length + 1)
    let { parent } = place
    for (const name of place.missing) {
      const { order } = parent
      parent = this.#attach(parent, name, birth => new DirectoryNode(birth, order))
    }
    return this.#attach(parent, place.name, make)
  }

  /**
   * Puts a new node in the place of one; the old one is detached.
   * @throws GliderError QUOTA_EXCEEDED where some that were replaced are still being freed
   */
  replace<N extends Node>(old: Node, make: (birth: Birth) => N): N {
    const { parent, name } = old
    invariant(parent, 'the root is not replaced')
    // The old one counts until it is freed, which may take as long as its object does.
    this.#limits.check('nodes', this.count - 1)
    this.detach(old)
    return this.#attach(parent, name, make)
  }

  /** From here on the node and all below it are deleted for everybody; see reaper.ts for what they own. */
  detach(node: Node): void {
    invariant(node.parent, 'only attached nodes are detached, and never the root')
    node.parent.children.delete(node)
    node.parent = undefined
    this.#journal.keep('node', node)
  }

  /** Ends what is left of a detached node. */
  forget(node: Node): void {
    node.parent = undefined
    this.#nodes.delete(node.id)
    this.#journal.keep('node', node)
  }

  /** Puts a node back that was there at an earlier start, in rising order of the ids; {@link reenter} gives it its place. */
  restore(node: Node): void {
    this.#nodes.add(node.id, node)
    this.#ids.seen(node.id)
  }

  /** Gives a restored node its place, in rising order of the ordinals. Answers whether its parent is there. */
  reenter(node: Node, parentId: number, ordinal: number): boolean {
    const above = this.#nodes.get(parentId)
    const parent = above && childrenOf(above)
    if (!parent) return false
    node.parent = parent
    parent.children.restore(node, ordinal)
    return true
  }

  /** A node that is being freed as well. */
  node(id: number): Node | undefined {
    return this.#nodes.get(id)
  }

  rename(from: string, to: string): Node {
    parsePath(from)
    parsePath(to)
    if (from === '/') throw new GliderError('INVALID_ARGUMENT', '/ cannot be renamed')
    const node = this.get(from)
    if (from === to) return node
    if (to.startsWith(`${from}/`)) throw new GliderError('INVALID_ARGUMENT', `${from} cannot be moved to ${to}, below itself`)
    const place = this.place(to, undefined)
    const parent = place.node ? place.node.parent : place.parent
    if (node.type === 'keyvalue' && parent && parent !== node.parent) {
      throw typeMismatch(from, node.type, 'one that can leave its table: put its bytes at the new place')
    }
    this.checkHolds(place, node.type)
    if (place.node) throw new GliderError('ALREADY_EXISTS', `${to} exists: delete it first, or choose another name`)
    this.detach(node)
    this.#enter(node, place.parent, ownString(place.name))
    return node
  }

  #attach<N extends Node>(parent: ParentNode, name: string, make: (birth: Birth) => N): N {
    const node = make({ id: this.#ids.next(), createdAt: this.#wallTime() })
    this.#enter(node, parent, ownString(name))
    this.#nodes.add(node.id, node)
    return node
  }

  #enter(node: Node, parent: ParentNode, name: string): void {
    node.name = name
    node.parent = parent
    parent.children.add(node)
    this.#journal.keep('node', node)
  }
}

/** A part cut from a path would keep the memory of the whole path. */
function ownString(part: string): string {
  return Buffer.from(part).toString()
}

function missingParent(path: string, canBeMade: boolean): GliderError {
  const remedy = `create ${parentPath(path)}${canBeMade ? `, or ${remedies.parents}` : ' first'}`
  return new GliderError('NOT_FOUND', `the parent of ${path} is not there: ${remedy}`)
}
