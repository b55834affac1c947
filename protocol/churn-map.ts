interface Entry<V> {
  readonly key: number
  value: V
  /** In order of arrival. */
  before: Entry<V> | undefined
  after: Entry<V> | undefined
  /** The next one in the same slot. */
  beside: Entry<V> | undefined
}

const FEWEST_SLOTS = 8

/**
 * A Map by whole numbers for what comes and goes all the time. A `Map` then gets a new table every few entries, and V8 has each
 * old table refer to the new one: as soon as one of them has grown old, all after it, with whatever they held, outlive every
 * quick collection. Always holds: what was deleted refers to nothing, and nothing here refers to it.
 *
 * Entries come in order of their arrival; while going through them, the one at hand may be deleted.
 */
export class ChurnMap<V> {
  #slots: (Entry<V> | undefined)[] = emptySlots(FEWEST_SLOTS)
  #first: Entry<V> | undefined
  #last: Entry<V> | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  has(key: number): boolean {
    return this.#find(key) !== undefined
  }

  get(key: number): V | undefined {
    return this.#find(key)?.value
  }

  set(key: number, value: V): void {
    const known = this.#find(key)
    if (known) {
      known.value = value
      return
    }
    if (this.#size * 2 >= this.#slots.length) this.#grow()
    const entry: Entry<V> = { key, value, before: this.#last, after: undefined, beside: undefined }
    if (this.#last) this.#last.after = entry
    else this.#first = entry
    this.#last = entry
    this.#enter(entry)
    this.#size++
  }

  /** Answers what was there. */
  take(key: number): V | undefined {
    const at = this.#slotOf(key)
    let previous: Entry<V> | undefined
    let entry = this.#slots[at]
    while (entry && entry.key !== key) {
      previous = entry
      entry = entry.beside
    }
    if (!entry) return undefined
    if (previous) previous.beside = entry.beside
    else this.#slots[at] = entry.beside
    if (entry.before) entry.before.after = entry.after
    else this.#first = entry.after
    if (entry.after) entry.after.before = entry.before
    else this.#last = entry.before
    entry.before = undefined
    entry.after = undefined
    entry.beside = undefined
    this.#size--
    return entry.value
  }

  delete(key: number): boolean {
    const before = this.#size
    this.take(key)
    return this.#size < before
  }

  clear(): void {
    for (const [key] of this) this.take(key)
    this.#slots = emptySlots(FEWEST_SLOTS)
  }

  *[Symbol.iterator](): Generator<[number, V], undefined> {
    for (let entry = this.#first; entry; ) {
      const next: Entry<V> | undefined = entry.after
      yield [entry.key, entry.value]
      entry = next
    }
    return undefined
  }

  *values(): Generator<V, undefined> {
    for (const [, value] of this) yield value
    return undefined
  }

  #slotOf(key: number): number {
    return key & (this.#slots.length - 1)
  }

  #find(key: number): Entry<V> | undefined {
    let entry = this.#slots[this.#slotOf(key)]
    while (entry && entry.key !== key) entry = entry.beside
    return entry
  }

  #enter(entry: Entry<V>): void {
    const at = this.#slotOf(entry.key)
    entry.beside = this.#slots[at]
    this.#slots[at] = entry
  }

  #grow(): void {
    this.#slots = emptySlots(this.#slots.length * 2)
    for (let entry = this.#first; entry; entry = entry.after) this.#enter(entry)
  }
}

function emptySlots<V>(count: number): (Entry<V> | undefined)[] {
  return Array.from({ length: count }, () => undefined)
}
