import type { BagNode, BytesNode, HeldClaim, TableNode } from './node.ts'
import type { StorageOrder } from './orders.ts'

export type ClaimMode = 'replace' | 'put' | 'append' | 'update'

/** What is written; undefined for a `put` that is to make a file. Of a table, the keyvalue under the claim's key. */
export type ClaimNode = BytesNode | BagNode | TableNode | undefined

export interface ClaimSubject {
  readonly mode: ClaimMode
  readonly node: ClaimNode
  /** In the table; empty where the node is none. */
  readonly key: string
  /** As at opening. */
  readonly path: string
  /** Whether the path was what was asked for, and not the node that it leads to. */
  readonly byPath: boolean
  /** Whether the closing commit makes missing parents. */
  readonly parents: boolean
  /** Classes that new blocks come from. */
  readonly order: StorageOrder
}

/** The right to write; see claims.ts. */
export interface Claim extends ClaimSubject, HeldClaim {
  /** Whose it is; undefined over REST. */
  readonly clientId: string | undefined
}
