/**
 * Leases by the time they expire. Always holds: none expires before the one above it; each knows its position.
 */
import { invariant } from '../protocol/errors.ts'
import type { Lease } from './lease.ts'

export class LeaseHeap {
  /** A binary heap: the children of the lease at `i` are at `2i + 1` and `2i + 2`. */
  readonly #leases: Lease[] = []

  get size(): number {
    return this.#leases.length
  }

  /** The one that expires first. */
  get first(): Lease | undefined {
    return this.#leases[0]
  }

  add(lease: Lease): void {
    invariant(lease.position < 0, `lease ${lease.number} is in the heap once`)
    this.#leases.push(lease)
    this.#rise(lease, this.#leases.length - 1)
  }

  remove(lease: Lease): void {
    const { position } = lease
    invariant(this.#leases[position] === lease, `lease ${lease.number} is where it says`)
    lease.position = -1
    const last = this.#leases.pop()
    if (last && last !== lease) this.#place(last, position)
  }

  /** Its expiry has changed. */
  moved(lease: Lease): void {
    invariant(this.#leases[lease.position] === lease, `lease ${lease.number} is where it says`)
    this.#place(lease, lease.position)
  }

  #place(lease: Lease, hole: number): void {
    if (this.#rise(lease, hole) === hole) this.#sink(lease, hole)
  }

  /** Answers where it came to rest. */
  #rise(lease: Lease, hole: number): number {
    let at = hole
    while (at > 0) {
      const above = this.#at((at - 1) >> 1)
      if (above.expiresMs <= lease.expiresMs) break
      this.#set(above, at)
      at = (at - 1) >> 1
    }
    this.#set(lease, at)
    return at
  }

  #sink(lease: Lease, hole: number): void {
    const { length } = this.#leases
    let at = hole
    for (let child = 2 * at + 1; child < length; child = 2 * at + 1) {
      if (child + 1 < length && this.#at(child + 1).expiresMs < this.#at(child).expiresMs) child += 1
      const below = this.#at(child)
      if (below.expiresMs >= lease.expiresMs) break
      this.#set(below, at)
      at = child
    }
    this.#set(lease, at)
  }

  #at(index: number): Lease {
    // Indices here are below the length. No assertion: this is the inner loop of every renewal.
    return this.#leases[index] as Lease
  }

  #set(lease: Lease, at: number): void {
    this.#leases[at] = lease
    lease.position = at
  }
}
