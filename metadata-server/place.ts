/** How nodes are named, and where a name leads. */
import type { Node, ParentNode } from './node.ts'

export interface Target<N extends Node = Node> {
  readonly node: N
  readonly path: string
}

/** Where a path leads: to a node, or to the place where one can be. */
export type Place =
  | { readonly node: Node; readonly path: string }
  | {
      readonly node: undefined
      readonly path: string
      /** The last one that exists. */
      readonly parent: ParentNode
      /** Directories to be made below it. */
      readonly missing: readonly string[]
      readonly name: string
    }
export type FreePlace = Extract<Place, { node: undefined }>

/** How a head names a node; see `target` in the catalogue. */
export interface NodeName {
  readonly path?: string
  readonly node?: number
  readonly key?: string
}
