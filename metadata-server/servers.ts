import type { Connection } from '../protocol/peer.ts'

/** See the table of transitions in members.ts. */
export type ServerState = 'live' | 'suspect' | 'dead' | 'removed'

/** One life of a storage or active server, as the metadata server knows it. */
export interface ServerRecord {
  /** Its role and number. */
  readonly id: string
  readonly number: number
  readonly incarnation: string
  /** host:port that clients reach it by. */
  readonly address: string
  readonly storageClass: string
  readonly proofKey: Buffer
  /** That an active server is for. */
  readonly namespace: string
  /** Of the token that the actions of an active server have: its SHA-256; empty for none. */
  readonly tokenHash: string
  state: ServerState
  /** Nothing new is to go there. */
  draining: boolean
  lastSeenMs: number
  /** That of its registration; undefined once it has gone. */
  connection: Connection | undefined
}

/** Whether what is on the server is lost, as far as anybody knows. */
export function isLost({ state }: ServerRecord): boolean {
  return state === 'dead' || state === 'removed'
}

export function onSameHost(a: ServerRecord, b: ServerRecord): boolean {
  return hostOf(a.address) === hostOf(b.address)
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'))
}
