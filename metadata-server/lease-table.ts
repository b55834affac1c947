/**
 * All leases. Always holds: a lease is in the list of its node and in the heap, or in neither. What is in the table is all
 * that the journal keeps; nothing here knows the time.
 */
import type { Counter } from './counter.ts'
import type { Journal } from './journal/journal.ts'
import { Lease, type Leased } from './lease.ts'
import { LeaseHeap } from './lease-heap.ts'

export class LeaseTable {
  readonly #heap = new LeaseHeap()
  readonly #journal: Journal
  readonly #numbers: Counter

  /** @param numbers of all leases of the server */
  constructor(journal: Journal, numbers: Counter) {
    this.#journal = journal
    this.#numbers = numbers
  }

  get size(): number {
    return this.#heap.size
  }

  add(node: Leased, ttlMs: number, expiresMs: number): Lease {
    const lease = this.restore(node, this.#numbers.next(), ttlMs, expiresMs)
    this.#journal.keep('lease', lease)
    return lease
  }

  /** Puts a lease back that was there at an earlier start. */
  restore(node: Leased, number: number, ttlMs: number, expiresMs: number): Lease {
    this.#numbers.seen(number)
    const lease = new Lease(node, number, ttlMs, expiresMs)
    lease.next = node.leases
    node.leases = lease
    this.#heap.add(lease)
    return lease
  }

  find(node: Leased, number: number): Lease | undefined {
    let lease = node.leases
    while (lease && lease.number !== number) lease = lease.next
    return lease
  }

  countOf(node: Leased): number {
    let count = 0
    for (let lease = node.leases; lease; lease = lease.next) count += 1
    return count
  }

  prolong(lease: Lease, expiresMs: number): void {
    lease.expiresMs = expiresMs
    this.#heap.moved(lease)
  }

  remove(lease: Lease): void {
    this.#heap.remove(lease)
    const { node } = lease
    if (node.leases === lease) node.leases = lease.next
    else {
      for (let before = node.leases; before; before = before.next) {
        if (before.next === lease) before.next = lease.next
      }
    }
    lease.next = undefined
    this.#journal.drop('lease', lease)
  }

  /** Ends every lease of a node that is gone. */
  drop(node: Leased): void {
    while (node.leases) this.remove(node.leases)
  }

  /** The lease that expires first, if it has expired by then. */
  firstDue(nowMs: number): Lease | undefined {
    const { first } = this.#heap
    return first && first.expiresMs <= nowMs ? first : undefined
  }
}
