interface Entry<V> {
  readonly value: V
  readonly bytes: number
}

/** Values by key. Always holds: their bytes and their number stay within the bounds, for the least recently used go. */
export class LruBytes<V> {
  readonly #maxBytes: number
  readonly #maxEntries: number
  /** In order of use: the first is the one to go. */
  readonly #entries = new Map<string, Entry<V>>()
  #bytes = 0
  #evicted = 0

  constructor(maxBytes: number, maxEntries: number) {
    this.#maxBytes = maxBytes
    this.#maxEntries = maxEntries
  }

  get entries(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** How many had to go for others. */
  get evicted(): number {
    return this.#evicted
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry.value
  }

  /** One that is larger than all the room is not kept. */
  set(key: string, value: V, bytes: number): void {
    this.delete(key)
    if (bytes > this.#maxBytes) return
    this.#entries.set(key, { value, bytes })
    this.#bytes += bytes
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes && this.#entries.size <= this.#maxEntries) return
      this.delete(oldest)
      this.#evicted++
    }
  }

  delete(key: string): boolean {
    const entry = this.#entries.get(key)
    if (!entry) return false
    this.#bytes -= entry.bytes
    return this.#entries.delete(key)
  }

  /** Answers how many there were. */
  clear(): number {
    const count = this.#entries.size
    this.#entries.clear()
    this.#bytes = 0
    return count
  }
}
