import type { Quota } from '../protocol/catalogue.ts'
import type { Birth } from './node.ts'

/** What is remembered of a namespace. */
export interface NamespaceRecord {
  /** Names it in the journal; 0 is that of `default`. */
  readonly number: number
  readonly name: string
  readonly root: Birth
  /** Classes that its bytes may be in, in order; undefined for those of the cluster. */
  readonly classes: readonly string[] | undefined
  readonly quota: Quota | undefined
  /** SHA-256 of the token, in hexadecimal; undefined while it has none. */
  tokenHash: string | undefined
  /** What is in it is being freed. */
  deleted: boolean
}
