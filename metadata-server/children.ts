import { ChunkTable } from './chunk-table.ts'
import { NameTable } from './name-table.ts'

export interface Child {
  readonly name: string
  /** Counts the arrivals in its parent. */
  ordinal: number
}

/** The children of one node. Always holds: each is here under its name and under its ordinal, and no ordinal is given twice. */
export class Children<C extends Child> {
  readonly #byName = new NameTable<C>()
  readonly #byOrdinal = new ChunkTable<C>()
  #nextOrdinal = 0

  get size(): number {
    return this.#byName.size
  }

  get(name: string): C | undefined {
    return this.#byName.get(name)
  }

  add(child: C): void {
    child.ordinal = this.#nextOrdinal
    this.#nextOrdinal += 1
    this.#byName.set(child.name, child)
    this.#byOrdinal.add(child.ordinal, child)
  }

  /** The same with the ordinal that it had; those of one parent come in rising order. */
  restore(child: C, ordinal: number): void {
    this.#nextOrdinal = ordinal
    this.add(child)
  }

  delete(child: C): void {
    this.#byName.delete(child.name)
    this.#byOrdinal.delete(child.ordinal)
  }

  clear(): void {
    this.#byName.clear()
    this.#byOrdinal.clear()
  }

  /** Those from an ordinal on, in order of their arrival. */
  from(ordinal: number): Iterator<C> & Iterable<C> {
    return this.#byOrdinal.from(ordinal)
  }
}
