/** What can carry leases: a node, as leases see it. */
export interface Leased {
  readonly id: number
  /** The first of its leases; nearly every node has none or one. */
  leases: Lease | undefined
}

/** One lease. Small: there may be a million. After a restart its time begins anew. */
export class Lease {
  readonly node: Leased
  /** Names it among all leases that there ever were. */
  readonly number: number
  readonly ttlMs: number
  /** On the time that the server has been running. */
  expiresMs: number
  /** Where it is in the heap; -1 for one that is in none. */
  position: number
  /** The next lease of the same node. */
  next: Lease | undefined

  constructor(node: Leased, number: number, ttlMs: number, expiresMs: number) {
    this.node = node
    this.number = number
    this.ttlMs = ttlMs
    this.expiresMs = expiresMs
    this.position = -1
    this.next = undefined
  }
}
