/** A piece of memory that small frames are written into one behind the other, to leave in one write. */
export class Slab {
  readonly memory: Buffer
  used = 0
  /** Batches under way that hold bytes of this slab. */
  holders = 0

  constructor(bytes: number) {
    this.memory = Buffer.allocUnsafeSlow(bytes)
  }
}

const SLAB_BYTES = 64 << 10
/** Enough for what a busy process has under way; more would only be cold. */
const MAX_SPARE = 32

/**
 * The slabs of one process, shared by its connections, so that an idle connection holds none. Always holds: memory is handed
 * out again only when no batch holds any of its slab.
 */
export class SlabPool {
  readonly #spare: Slab[] = []
  #current = new Slab(SLAB_BYTES)

  /** A slab with room for `bytes` behind what is used of it. */
  withRoom(bytes: number): Slab {
    if (bytes > SLAB_BYTES) return new Slab(bytes)
    if (this.#current.used + bytes > SLAB_BYTES) {
      const full = this.#current
      this.#current = this.#spare.pop() ?? new Slab(SLAB_BYTES)
      this.#recycle(full)
    }
    return this.#current
  }

  release(slab: Slab): void {
    slab.holders--
    if (slab !== this.#current) this.#recycle(slab)
  }

  #recycle(slab: Slab): void {
    if (slab.holders > 0 || slab.memory.length !== SLAB_BYTES || this.#spare.length >= MAX_SPARE) return
    slab.used = 0
    this.#spare.push(slab)
  }
}
