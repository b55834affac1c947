/** Putting small files and keyvalues whole, with the operation itself. */
import type { AnswerOf, catalogue, HeadOf } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Claims } from './claims.ts'
import type { Contents } from './contents.ts'
import { nearServer } from './near.ts'
import { type BytesNode, FileNode, KeyValueNode } from './node.ts'
import type { StorageOrder } from './orders.ts'
import type { Place } from './place.ts'
import type { BlockSpaces } from './spaces.ts'
import type { Tree } from './tree.ts'
import { putPlace } from './write-subject.ts'

export interface ValuesParts {
  readonly tree: Tree
  readonly blocks: BlockSpaces
  readonly claims: Claims
  readonly contents: Contents
}

export class Values {
  readonly #parts: ValuesParts

  constructor(parts: ValuesParts) {
    this.#parts = parts
  }

  /** Bytes that are kept belong to their node from then on. */
  put(head: HeadOf<typeof catalogue.put>, bytes: Buffer): AnswerOf<typeof catalogue.put> {
    const { tree, blocks, claims, contents } = this.#parts
    const { place, node: old, parent } = putPlace(tree, head, head.parents ?? false)
    const order = blocks.orderFor(head.storageClass, (old ?? parent).order, place.path, nearServer(tree, head.near))
    if (parent.type === 'directory') claims.checkFree(old, place.path)
    contents.checkRoom(bytes.length, old?.size ?? 0)
    const { inlineBytes } = contents
    if (!contents.fitsInline(bytes.length, old)) return { stored: false, inlineBytes }
    const node = old ?? this.#make(place, order)
    node.order = order
    contents.replaceInline(node, bytes)
    return { stored: true, inlineBytes }
  }

  #make(place: Place, order: StorageOrder): BytesNode {
    const { tree } = this.#parts
    if (place.node) throw new GliderError('INTERNAL', `${place.path} is made where it is`)
    if (place.parent.type === 'table') return tree.add(place, birth => new KeyValueNode(birth, order))
    return tree.add(place, birth => new FileNode(birth, order))
  }
}
