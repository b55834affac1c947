import type { Connection } from '../protocol/peer.ts'

/** See the table of transitions in membership.ts. */
export type ServerState = 'live' | 'suspect' | 'dead'

/** One life of a storage or active server, as the metadata server knows it. */
export interface ServerRecord {
  readonly id: string
  readonly incarnation: string
  /** host:port that clients reach it by. */
  readonly address: string
  readonly storageClass: string
  readonly proofKey: Buffer
  state: ServerState
  lastSeenMs: number
  /** That of its registration; undefined once it has gone. */
  connection: Connection | undefined
}
