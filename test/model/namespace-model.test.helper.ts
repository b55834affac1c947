/**
 * The namespace as the contract tells it, and nothing more: a tree of immutable nodes, so that a state is a value that can be kept
 * and compared. Knows nothing of blocks, connections or time. A call that is refused throws a {@link Refusal} and changes nothing.
 */
import type { ErrorCode, NodeType } from 'glider'

export class Refusal extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode) {
    super(code)
    this.code = code
  }
}

export interface ModelNode {
  /** What a proxy holds: stays over a rename, and is never given again. */
  readonly id: number
  readonly type: NodeType
  /** Of a directory or table. */
  readonly children: ReadonlyMap<string, ModelNode>
  /** Of a file or keyvalue: what is committed. */
  readonly bytes: string
  /** Of a bag: its committed parts, none of them empty. */
  readonly parts: readonly string[]
  /** Whether a stream holds the write claim of this file. */
  readonly claimed: boolean
}

export interface Existing {
  readonly parents?: boolean
  readonly ifExists?: 'error' | 'open' | 'replace'
}

export interface Described {
  readonly path: string
  readonly type: NodeType
  readonly size: number
}

const NO_CHILDREN: ReadonlyMap<string, ModelNode> = new Map()

function empty(id: number, type: NodeType): ModelNode {
  return { id, type, children: NO_CHILDREN, bytes: '', parts: [], claimed: false }
}

/** @throws Refusal INVALID_PATH */
function namesIn(path: string): string[] {
  if (path === '/') return []
  if (!path.startsWith('/')) throw new Refusal('INVALID_PATH')
  const names = path.slice(1).split('/')
  for (const name of names) checkName(name)
  return names
}

/** @throws Refusal INVALID_PATH */
function checkName(name: string): void {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) throw new Refusal('INVALID_PATH')
}

function pathOf(names: readonly string[]): string {
  return `/${names.join('/')}`
}

export function sizeOf({ bytes, parts }: ModelNode): number {
  return bytes.length + parts.reduce((sum, part) => sum + part.length, 0)
}

function withChild(parent: ModelNode, name: string, child: ModelNode | undefined): ModelNode {
  const children = new Map(parent.children)
  if (child) children.set(name, child)
  else children.delete(name)
  return { ...parent, children }
}

function at(node: ModelNode | undefined, names: readonly string[]): ModelNode | undefined {
  let found = node
  for (const name of names) found = found?.children.get(name)
  return found
}

/** The same tree with another node at a place whose parent is there. */
function replaced(node: ModelNode, names: readonly string[], by: ModelNode | undefined): ModelNode {
  const [name, ...rest] = names
  if (name === undefined) return by!
  return withChild(node, name, rest.length === 0 ? by : replaced(node.children.get(name)!, rest, by))
}

function placeOf(node: ModelNode, id: number): string[] | undefined {
  if (node.id === id) return []
  for (const [name, child] of node.children) {
    const below = placeOf(child, id)
    if (below) return [name, ...below]
  }
  return undefined
}

function startsWith(names: readonly string[], prefix: readonly string[]): boolean {
  return prefix.every((name, index) => names[index] === name)
}

export class NamespaceModel {
  #root: ModelNode
  #nextId: number

  constructor(root: ModelNode = empty(0, 'directory'), nextId = 1) {
    this.#root = root
    this.#nextId = nextId
  }

  get root(): ModelNode {
    return this.#root
  }

  /** A namespace that is the same now, and goes its own way from here. */
  fork(): NamespaceModel {
    return new NamespaceModel(this.#root, this.#nextId)
  }

  create(path: string, type: NodeType, { parents = false, ifExists = 'error' }: Existing = {}): number {
    const names = namesIn(path)
    const name = names.pop()
    if (name === undefined) {
      if (ifExists !== 'open') throw new Refusal('ALREADY_EXISTS')
      if (type !== 'directory') throw new Refusal('TYPE_MISMATCH')
      return this.#root.id
    }
    const parentType = this.#checkParent(names, parents)
    if ((parentType === 'table') !== (type === 'keyvalue')) throw new Refusal('TYPE_MISMATCH')
    const there = at(this.#root, [...names, name])
    if (there && ifExists === 'error') throw new Refusal('ALREADY_EXISTS')
    if (there && ifExists === 'open') {
      if (there.type !== type) throw new Refusal('TYPE_MISMATCH')
      return there.id
    }
    if (there && there.children.size > 0) throw new Refusal('NOT_EMPTY')
    return this.#make(names, name, type).id
  }

  lookup(path: string, type?: NodeType): number {
    const node = this.#find(path)
    if (type && node.type !== type) throw new Refusal('TYPE_MISMATCH')
    return node.id
  }

  stat(path: string): Described {
    const { type, ...node } = this.#find(path)
    return { path, type, size: sizeOf({ type, ...node }) }
  }

  exists(path: string): boolean {
    return at(this.#root, namesIn(path)) !== undefined
  }

  list(path: string): Described[] {
    const { type, children } = this.#find(path)
    if (type !== 'directory' && type !== 'table') throw new Refusal('TYPE_MISMATCH')
    const above = path === '/' ? '' : path
    return [...children]
      .map(([name, child]) => ({ name, path: `${above}/${name}`, type: child.type, size: sizeOf(child) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  delete(path: string, recursive: boolean): boolean {
    const names = namesIn(path)
    if (names.length === 0) throw new Refusal('INVALID_ARGUMENT')
    const node = at(this.#root, names)
    if (!node) return false
    if (node.children.size > 0 && !recursive) throw new Refusal('NOT_EMPTY')
    this.#root = replaced(this.#root, names, undefined)
    return true
  }

  rename(from: string, to: string): void {
    const source = namesIn(from)
    const target = namesIn(to)
    if (source.length === 0) throw new Refusal('INVALID_ARGUMENT')
    const node = at(this.#root, source)
    if (!node) throw new Refusal('NOT_FOUND')
    if (from === to) return
    if (startsWith(target, source)) throw new Refusal('INVALID_ARGUMENT')
    if (target.length === 0) throw new Refusal('ALREADY_EXISTS')
    const parentType = this.#checkParent(target.slice(0, -1), false)
    // Neither out of a table nor into one: a key may get another name in its own.
    const staysInTable = parentType === 'table' && pathOf(source.slice(0, -1)) === pathOf(target.slice(0, -1))
    if ((node.type === 'keyvalue' || parentType === 'table') && !staysInTable) throw new Refusal('TYPE_MISMATCH')
    if (at(this.#root, target)) throw new Refusal('ALREADY_EXISTS')
    this.#root = replaced(replaced(this.#root, source, undefined), target, node)
  }

  put(path: string, bytes: string, parents = false): void {
    const names = namesIn(path)
    const name = names.pop()
    if (name === undefined) throw new Refusal('TYPE_MISMATCH')
    const type = this.#checkParent(names, parents) === 'table' ? 'keyvalue' : 'file'
    const there = at(this.#root, [...names, name])
    if (there && there.type !== type) throw new Refusal('TYPE_MISMATCH')
    if (there?.claimed) throw new Refusal('BUSY')
    const node = there ?? this.#make(names, name, type)
    this.#root = replaced(this.#root, [...names, name], { ...node, bytes })
  }

  get(path: string): string {
    const { type, bytes } = this.#find(path)
    if (type !== 'file' && type !== 'keyvalue') throw new Refusal('TYPE_MISMATCH')
    return bytes
  }

  /** What a proxy is asked for is asked of the place where its node is now. NOT_FOUND once it is nowhere. */
  path(id: number): string {
    const names = placeOf(this.#root, id)
    if (!names) throw new Refusal('NOT_FOUND')
    return pathOf(names)
  }

  /** As {@link path}, of a value in a table. */
  keyPath(table: number, key: string): string {
    checkName(key)
    return `${this.path(table)}/${key}`
  }

  node(id: number): ModelNode | undefined {
    return at(this.#root, placeOf(this.#root, id) ?? [''])
  }

  /** Replaces what a node holds. NOT_FOUND once it is nowhere. */
  change(id: number, by: Partial<Pick<ModelNode, 'bytes' | 'parts' | 'claimed'>>): void {
    const names = placeOf(this.#root, id)
    if (!names) throw new Refusal('NOT_FOUND')
    this.#root = replaced(this.#root, names, { ...at(this.#root, names)!, ...by })
  }

  #find(path: string): ModelNode {
    const node = at(this.#root, namesIn(path))
    if (!node) throw new Refusal('NOT_FOUND')
    return node
  }

  /** The type of the parent that something may be made in; with `parents`, also of one that would have to be made first. */
  #checkParent(names: readonly string[], parents: boolean): NodeType {
    let node = this.#root
    for (const name of names) {
      const next = node.children.get(name)
      if (!next) {
        if (!parents) throw new Refusal('NOT_FOUND')
        // What is missing would be a directory, and only a directory holds those.
        if (node.type !== 'directory') throw new Refusal('TYPE_MISMATCH')
        return 'directory'
      }
      node = next
    }
    if (node.type !== 'directory' && node.type !== 'table') throw new Refusal('TYPE_MISMATCH')
    return node.type
  }

  #make(parents: readonly string[], name: string, type: NodeType): ModelNode {
    for (let depth = 1; depth <= parents.length; depth++) {
      const above = parents.slice(0, depth)
      if (!at(this.#root, above)) this.#root = replaced(this.#root, above, empty(this.#nextId++, 'directory'))
    }
    const node = empty(this.#nextId++, type)
    this.#root = replaced(this.#root, [...parents, name], node)
    return node
  }
}
