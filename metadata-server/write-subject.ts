import type { catalogue, HeadOf, NodeType } from '../protocol/catalogue.ts'
import { type GliderError, invariant } from '../protocol/errors.ts'
import { baseName } from '../protocol/paths.ts'
import type { ClaimSubject } from './claim.ts'
import { nearServer } from './near.ts'
import { type BytesNode, type Node, type ParentNode, typeMismatch } from './node.ts'
import type { NodeName, Place } from './place.ts'
import type { BlockSpaces } from './spaces.ts'
import type { Tree } from './tree.ts'

type Opening = NodeName & Pick<HeadOf<typeof catalogue.openWrite>, 'mode' | 'parents' | 'storageClass' | 'near'>

/** Finds what somebody wants to write, and checks that it can be. */
export function writeSubject(tree: Tree, blocks: BlockSpaces, head: Opening): ClaimSubject {
  const { mode, parents = false, storageClass } = head
  const near = nearServer(tree, head.near)
  const byPath = head.path !== undefined
  if (mode !== 'put') {
    const { node: target, path } = tree.target(head)
    const node = writable(target, mode, path)
    return { mode, node, key: '', path, byPath, parents, order: blocks.orderFor(storageClass, node.order, path, near) }
  }
  const { place, node, parent } = putPlace(tree, head, parents)
  const { path } = place
  const order = blocks.orderFor(storageClass, (node ?? parent).order, path, near)
  // A key is put whether or not the keyvalue that is there now is there at the commit.
  if (parent.type === 'table') return { mode, node: parent, key: baseName(path), path, byPath, parents, order }
  return { mode, node, key: '', path, byPath, parents, order }
}

export interface PutPlace {
  readonly place: Place
  /** What is replaced. */
  readonly node: BytesNode | undefined
  /** The last one that exists. */
  readonly parent: ParentNode
}

/**
 * Where a put goes: to a file, or to a keyvalue where the parent is a table.
 * @throws GliderError TYPE_MISMATCH
 */
export function putPlace(tree: Tree, head: NodeName, parents: boolean): PutPlace {
  const place = tree.placeOf(head, parents)
  if (!place.node) {
    const { parent, missing } = place
    if (parent.type !== 'table' || missing.length > 0) tree.checkHolds(place, 'file')
    return { place, node: undefined, parent }
  }
  const { type } = place.node
  if (type !== 'file' && type !== 'keyvalue') throw notReplaceable(place.path, type)
  const { parent } = place.node
  invariant(parent, 'what has bytes is not the root, and is attached where a name leads to it')
  return { place, node: place.node, parent }
}

type Writable = Extract<Node, { type: 'file' | 'keyvalue' | 'bag' }>

function writable(node: Node, mode: ClaimSubject['mode'], path: string): Writable {
  if (node.type === 'file') return node
  switch (mode) {
    case 'put':
    case 'replace':
      if (node.type === 'keyvalue') return node
      throw notReplaceable(path, node.type)
    case 'append':
      if (node.type === 'bag') return node
      throw typeMismatch(path, node.type, 'a file or bag, which can be added to')
    case 'update':
      throw typeMismatch(path, node.type, 'a file')
  }
}

function notReplaceable(path: string, is: NodeType): GliderError {
  return typeMismatch(path, is, 'a file or keyvalue, whose bytes can be replaced')
}
