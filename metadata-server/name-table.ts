/**
 * Values by name. As long as there are few, one Map; then many, by a hash of the name, which do not all grow in the same
 * moment: see chunk-table.ts for why.
 */
const SPLIT_AT = 16 << 10
/** A power of two. */
const SHARDS = 512

export class NameTable<V> {
  #shards: Map<string, V>[] = [new Map<string, V>()]
  #size = 0

  get size(): number {
    return this.#size
  }

  get(name: string): V | undefined {
    return this.#shardOf(name)?.get(name)
  }

  set(name: string, value: V): void {
    const shard = this.#shardOf(name)
    if (!shard) return
    const before = shard.size
    shard.set(name, value)
    this.#size += shard.size - before
    if (this.#shards.length === 1 && this.#size > SPLIT_AT) this.#split(shard)
  }

  delete(name: string): void {
    if (this.#shardOf(name)?.delete(name)) this.#size -= 1
  }

  clear(): void {
    this.#shards = [new Map<string, V>()]
    this.#size = 0
  }

  #shardOf(name: string): Map<string, V> | undefined {
    return this.#shards[this.#shards.length === 1 ? 0 : hash(name) & (SHARDS - 1)]
  }

  #split(all: Map<string, V>): void {
    this.#shards = Array.from({ length: SHARDS }, () => new Map<string, V>())
    for (const [name, value] of all) this.#shardOf(name)?.set(name, value)
  }
}

/** FNV-1a over the code units, folded so that its low bits depend on all of it. */
function hash(name: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < name.length; i += 1) value = Math.imul(value ^ name.charCodeAt(i), 0x01000193)
  return value ^ (value >>> 15)
}
