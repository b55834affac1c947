/**
 * The time that nodes live unless renewed. Always holds: a node whose lease has expired is detached, with everything below it,
 * within one heartbeat of the time that this server was running; a lease ends with its node, at the latest.
 *
 * A lease belongs to its node, wherever that is renamed to; nobody has to stay connected for it. A node with several leases
 * dies with the first that expires, as it does with one above it.
 */
import type { AnswerOf, catalogue, HeadOf } from '../protocol/catalogue.ts'
import { type Clock, every, type Timer } from '../protocol/clock.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Log } from '../server/log.ts'
import type { Lease } from './lease.ts'
import type { LeaseTable } from './lease-table.ts'
import type { Node } from './node.ts'
import type { Reaper } from './reaper.ts'
import type { Tree } from './tree.ts'

export interface LeasesParts {
  readonly clock: Clock
  readonly tree: Tree
  readonly table: LeaseTable
  readonly reaper: Reaper
  readonly log: Log
}

/** How often expired leases are looked for: well within the heartbeat of one second. */
const SWEEP_MS = 200
/** Nodes that expire in one turn of the event loop; what is below them is freed in the slices of the reaper. */
const SLICE = 500
/** Those of one node are looked through one by one, and end in one turn. */
const MOST_PER_NODE = 1000

export class Leases {
  readonly #parts: LeasesParts
  readonly #sweeper: Timer
  #lastMs: number
  /** Time in which this process itself stood still is nobody's neglect, and counts for no lease. */
  #stoodStillMs = 0
  #expiring = false
  #stopped = false

  constructor(parts: LeasesParts) {
    this.#parts = parts
    this.#lastMs = parts.clock.now()
    this.#sweeper = every(parts.clock, SWEEP_MS, () => this.#sweep())
  }

  get size(): number {
    return this.#parts.table.size
  }

  take(head: HeadOf<typeof catalogue.takeLease>): AnswerOf<typeof catalogue.takeLease> {
    const { tree, table } = this.#parts
    const { node, path } = tree.target(head)
    if (node === tree.root) throw new GliderError('INVALID_ARGUMENT', '/ has no lease, it exists always: lease what is below it')
    if (table.countOf(node) >= MOST_PER_NODE) {
      throw new GliderError(
        'QUOTA_EXCEEDED',
        `${path} has ${MOST_PER_NODE} leases, and no node has more: release some, or share one`,
      )
    }
    return { node: node.id, path, lease: this.give(node, head.ttlMs) }
  }

  /** Puts a lease back that was there at an earlier start: it has its full time again. */
  restore(node: Node, number: number, ttlMs: number): void {
    this.#parts.table.restore(node, number, ttlMs, this.#now() + ttlMs)
  }

  /** Answers the number of the new lease. */
  give(node: Node, ttlMs: number): number {
    return this.#parts.table.add(node, ttlMs, this.#now() + ttlMs).number
  }

  /** From now on it has its full time again. */
  renew(head: HeadOf<typeof catalogue.renewLease>): void {
    const { lease, nowMs } = this.#held(head)
    this.#parts.table.prolong(lease, nowMs + lease.ttlMs)
  }

  /** The node lives on, unless another lease ends it. */
  release(head: HeadOf<typeof catalogue.releaseLease>): void {
    this.#parts.table.remove(this.#held(head).lease)
  }

  stop(): void {
    this.#stopped = true
    this.#sweeper.cancel()
  }

  /** @throws GliderError NOT_FOUND */
  #held({ node: id, lease: number }: { node: number; lease: number }): { lease: Lease; nowMs: number } {
    const { tree, table } = this.#parts
    const found = tree.peek(id)
    const name = found?.path ?? `node ${id}`
    const lease = found && table.find(found.node, number)
    const nowMs = this.#now()
    if (lease && lease.expiresMs > nowMs) return { lease, nowMs }
    const remedy = found && !lease ? 'take another' : 'its node is gone with it: create it again'
    throw new GliderError('NOT_FOUND', `the lease ${number} of ${name} has expired or was released: ${remedy}`)
  }

  /** Milliseconds that this process has been running. */
  #now(): number {
    const now = this.#parts.clock.now()
    // Each sweep looks at the clock, so that a longer pause means that none could run.
    this.#stoodStillMs += Math.max(0, now - this.#lastMs - 2 * SWEEP_MS)
    this.#lastMs = now
    return now - this.#stoodStillMs
  }

  #sweep(): void {
    const nowMs = this.#now()
    if (!this.#expiring) this.#expire(nowMs)
  }

  /** Deletes a slice of the nodes whose leases have expired, and goes on in later turns while there are more. */
  #expire(nowMs: number): void {
    const { clock, tree, table, reaper, log } = this.#parts
    const nodes: Node[] = []
    let firstPath: string | undefined
    for (let left = SLICE; left > 0; left -= 1) {
      const lease = table.firstDue(nowMs)
      if (!lease) break
      table.remove(lease)
      // Not there: it, or one above it, was detached before, and what is left of it is being freed.
      const found = tree.peek(lease.node.id)
      if (!found) continue
      firstPath ??= found.path
      tree.detach(found.node)
      nodes.push(found.node)
    }
    if (nodes.length > 0) {
      log.info({ path: firstPath, nodes: nodes.length }, 'leases have expired: their nodes are deleted')
      void reaper.reapAll(nodes, 'abort')
    }
    this.#expiring = table.firstDue(nowMs) !== undefined
    if (this.#expiring) clock.soon(() => this.#stopped || this.#expire(this.#now()))
  }
}
