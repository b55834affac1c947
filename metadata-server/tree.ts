/**
 * The names of a namespace. Always holds: every node but the root is the child of its parent under its own name; a node is
 * attached when its parents lead to the root; the children of a directory are in the order of their ordinals.
 * Nothing here changes anything before all checks have passed.
 */
import { GliderError, invariant } from '../protocol/errors.ts'
import { parentPath, parsePath } from '../protocol/paths.ts'
import { type Birth, childrenOf, DirectoryNode, type Node, typeMismatch } from './node.ts'

export interface Target<N extends Node = Node> {
  readonly node: N
  readonly path: string
}

/** Where a path leads: to a node, or to the place where one can be. */
export type Place =
  | { readonly node: Node }
  | {
      readonly node: undefined
      readonly path: string
      /** The last directory that exists. */
      readonly directory: DirectoryNode
      /** Directories to be made below it. */
      readonly missing: readonly string[]
      readonly name: string
    }
export type FreePlace = Extract<Place, { node: undefined }>

/** What a new node is made from; its name comes with its place. */
export interface Making extends Birth {
  readonly directory: DirectoryNode
}

/** Ids stay unique over restarts without state, as long as a start makes fewer than 4,096 nodes a millisecond. */
const IDS_PER_MS = 4096
/** The first millisecond of 2025. */
const IDS_SINCE_MS = 1_735_689_600_000

export class Tree {
  readonly root: DirectoryNode
  readonly #wallTime: () => number
  readonly #nodes = new Map<number, Node>()
  #nextId: number

  constructor(wallTime: () => number, defaultOrder: readonly string[]) {
    this.#wallTime = wallTime
    this.#nextId = (wallTime() - IDS_SINCE_MS) * IDS_PER_MS
    this.root = new DirectoryNode({ id: this.#nextId++, createdAt: wallTime() }, defaultOrder)
    this.#nodes.set(this.root.id, this.root)
  }

  /** Nodes below the root, those included that are being freed. */
  get count(): number {
    return this.#nodes.size - 1
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
    if (!node) throw new GliderError('NOT_FOUND', `there is nothing at ${path}: create it first`)
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
  target(head: { path?: string; node?: number }): Target {
    if (head.path !== undefined && head.node === undefined) return { node: this.get(head.path), path: head.path }
    if (head.node !== undefined && head.path === undefined) return this.byId(head.node)
    throw new GliderError('INVALID_ARGUMENT', 'a node is named by its path or by its id: give exactly one of the two')
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
   * @throws GliderError INVALID_PATH, NOT_FOUND, TYPE_MISMATCH
   */
  place(path: string, parents: boolean): Place {
    const parts = parsePath(path)
    let node: Node = this.root
    for (let i = 0; i < parts.length; i += 1) {
      const part = parts[i]
      invariant(part !== undefined, 'a path has its parts')
      const directory = childrenOf(node)
      if (!directory) {
        const above = `/${parts.slice(0, i).join('/')}`
        if (parents || i === parts.length - 1) throw typeMismatch(above, node.type, `one that can hold ${path}`)
        throw missingParent(path)
      }
      const child = directory.children.get(part)
      if (!child) {
        const missing = parts.slice(i, -1)
        if (missing.length > 0 && !parents) throw missingParent(path)
        return { node: undefined, path, directory, missing, name: parts.at(-1) ?? '' }
      }
      node = child
    }
    return { node }
  }

  /** Makes the directories that are missing and puts a node there. */
  add<N extends Node>(place: FreePlace, make: (birth: Making) => N): N {
    let directory = place.directory
    for (const name of place.missing) {
      const { order } = directory
      directory = this.#attach(directory, name, birth => new DirectoryNode(birth, order))
    }
    return this.#attach(directory, place.name, make)
  }

  /** Puts a new node in the place of one; the old one is detached. */
  replace<N extends Node>(old: Node, make: (birth: Making) => N): N {
    const { parent, name } = old
    invariant(parent, 'the root is not replaced')
    this.detach(old)
    return this.#attach(parent, name, make)
  }

  /** From here on the node and all below it are deleted for everybody; see reaper.ts for what they own. */
  detach(node: Node): void {
    invariant(node.parent, 'only attached nodes are detached, and never the root')
    node.parent.children.delete(node.name)
    node.parent = undefined
  }

  /** Ends what is left of a detached node. */
  forget(node: Node): void {
    node.parent = undefined
    this.#nodes.delete(node.id)
  }

  rename(from: string, to: string): Node {
    parsePath(from)
    parsePath(to)
    if (from === '/') throw new GliderError('INVALID_ARGUMENT', '/ cannot be renamed')
    const node = this.get(from)
    if (from === to) return node
    if (to.startsWith(`${from}/`)) throw new GliderError('INVALID_ARGUMENT', `${from} cannot be moved to ${to}, below itself`)
    const place = this.place(to, false)
    if (place.node) throw new GliderError('ALREADY_EXISTS', `${to} exists: delete it first, or choose another name`)
    this.detach(node)
    enter(node, place.directory, ownString(place.name))
    return node
  }

  #attach<N extends Node>(directory: DirectoryNode, name: string, make: (birth: Making) => N): N {
    const node = make({ id: this.#nextId, createdAt: this.#wallTime(), directory })
    this.#nextId += 1
    enter(node, directory, ownString(name))
    this.#nodes.set(node.id, node)
    return node
  }
}

function enter(node: Node, directory: DirectoryNode, name: string): void {
  node.name = name
  node.parent = directory
  node.ordinal = directory.nextOrdinal
  directory.nextOrdinal += 1
  directory.children.set(name, node)
}

/** A part cut from a path would keep the memory of the whole path. */
function ownString(part: string): string {
  return Buffer.from(part).toString()
}

function missingParent(path: string): GliderError {
  return new GliderError('NOT_FOUND', `the parent of ${path} is not there: create ${parentPath(path)}, or ask for parents`)
}
