/** Large enough for several pieces of a stream. */
export const SLAB_BYTES = 512 << 10

/** Where a slab would be named: the bytes are in a buffer of their own that went over, or in memory that was lent. */
export const OWN_BUFFER = -1
export const LENT_MEMORY = -2

/** A run of bytes in shared memory. */
export interface Region {
  readonly slab: number
  readonly offset: number
}

/**
 * Memory that two threads share, handed out by one of them in regions, one behind the other within a slab. Always holds: a slab
 * is used again only when every region of it has been released. What was released last goes out first: it is warm.
 */
export class SharedArena {
  readonly memory: SharedArrayBuffer
  readonly #free: number[] = []
  readonly #regions: number[]
  #current = -1
  #used = SLAB_BYTES

  constructor(slabs: number) {
    this.memory = new SharedArrayBuffer(slabs * SLAB_BYTES)
    this.#regions = Array.from({ length: slabs }, () => 0)
    for (let slab = slabs - 1; slab >= 0; slab--) this.#free.push(slab)
  }

  /** Undefined while all is in use, or where so much is never to be had in one piece. */
  allocate(bytes: number): Region | undefined {
    if (bytes > SLAB_BYTES) return undefined
    if (this.#used + bytes > SLAB_BYTES) {
      // The slab before may be free already: then it goes on with itself.
      if (this.#current >= 0 && this.#regions[this.#current] === 0) this.#free.push(this.#current)
      this.#current = this.#free.pop() ?? -1
      this.#used = this.#current < 0 ? SLAB_BYTES : 0
      if (this.#current < 0) return undefined
    }
    const offset = this.#used
    this.#used += bytes
    this.#regions[this.#current]!++
    return { slab: this.#current, offset }
  }

  /** How much could be had in one piece right behind the last region. */
  get room(): number {
    return SLAB_BYTES - this.#used
  }

  release(slab: number): void {
    const left = --this.#regions[slab]!
    if (left > 0) return
    if (slab === this.#current) this.#used = 0
    else this.#free.push(slab)
  }
}

/** Copies bytes into a region that was allocated for as many. */
export function fillRegion(memory: SharedArrayBuffer, { slab, offset }: Region, bytes: Uint8Array): void {
  // `fill` is a plain copy, where `set` is one for memory that others may be writing to, at half the speed.
  regionBytes(memory, slab, offset, bytes.length).fill(bytes)
}

/** The bytes of a region, in either thread. */
export function regionBytes(memory: SharedArrayBuffer, slab: number, offset: number, length: number): Buffer {
  return Buffer.from(memory, slab * SLAB_BYTES + offset, length)
}
