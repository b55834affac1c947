import { GliderError } from '../../protocol/errors.ts'

/** How many keys a table is made for. */
const FIRST_KEYS = 64
const FIRST_BYTES = 1024
/** What a key takes beside its own bytes: its places in this table, and a value of 24 bytes beside it. */
const COST_OF_KEY = 48
/** The beginnings of keys are 32-bit numbers. */
const MOST_BYTES = 2 ** 32 - 1

/**
 * Numbers keys, which are bytes, from 0 in order of arrival, so that whatever belongs to a key can stand in arrays. Keys are found
 * by their hash, four bytes at a time, and no string is made. Always holds: key n is `bytes` from `start(n)` to `end(n)`; what is
 * held costs at most `limit`.
 */
export class KeyIndex {
  /** In bytes of memory, about. */
  readonly limit: number
  /** Open addressing: key number + 1, 0 where free; at most half full. */
  #table = new Int32Array(2 * FIRST_KEYS)
  #hashes = new Int32Array(FIRST_KEYS)
  /** Where each key begins in `#bytes`; it ends where the next one begins. */
  #starts = new Uint32Array(FIRST_KEYS + 1)
  #bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #view = viewOf(this.#bytes)
  #size = 0
  /** The chunk that was looked at last, for as a rule the next key is in it as well. */
  #chunk: Buffer = this.#bytes
  #chunkView = this.#view

  constructor(limit = Number.POSITIVE_INFINITY) {
    this.limit = limit
  }

  /** How many keys there are. */
  get size(): number {
    return this.#size
  }

  /** For how many keys there is room; arrays beside this one need as many places. */
  get capacity(): number {
    return this.#hashes.length
  }

  /** Of all keys, end to end. Moves when a key is added, but what it holds is never changed. */
  get bytes(): Buffer {
    return this.#bytes
  }

  /** What the keys take, values beside them included. */
  get cost(): number {
    return this.#starts[this.#size]! + this.#size * COST_OF_KEY
  }

  start(key: number): number {
    return this.#starts[key]!
  }

  end(key: number): number {
    return this.#starts[key + 1]!
  }

  hash(key: number): number {
    return this.#hashes[key]!
  }

  text(key: number): string {
    return this.#bytes.toString('utf8', this.start(key), this.end(key))
  }

  /** The number of a key, -1 where it is not there. */
  find(bytes: Buffer, start: number, end: number): number {
    const view = this.#viewOf(bytes)
    return this.#table[this.#slotOf(view, start, end, hashOf(view, start, end))]! - 1
  }

  /** The number of a key: the next one where it was not there yet. */
  add(bytes: Buffer, start: number, end: number): number {
    const view = this.#viewOf(bytes)
    const hash = hashOf(view, start, end)
    const slot = this.#slotOf(view, start, end, hash)
    const key = this.#table[slot]! - 1
    return key === -1 ? this.#insert(slot, hash, bytes, start, end) : key
  }

  /** Throws where there would be no room for all keys of `other` as well, so that they are added all or not at all. */
  assertRoomFor(other: KeyIndex): void {
    if (this.cost + other.cost <= this.limit) return
    let cost = this.cost
    for (let key = 0; key < other.size; key++) {
      const start = other.start(key)
      const end = other.end(key)
      if (this.find(other.#bytes, start, end) === -1) cost += end - start + COST_OF_KEY
    }
    if (cost > this.limit) throw tooMany(this.limit)
  }

  /** Where in the table the key is, or would be. */
  #slotOf(view: DataView, start: number, end: number, hash: number): number {
    const table = this.#table
    const hashes = this.#hashes
    const mask = table.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const key = table[slot]! - 1
      if (key === -1) return slot
      if (hashes[key] !== hash) continue
      const keyStart = this.#starts[key]!
      if (this.#starts[key + 1]! - keyStart === end - start && equal(this.#view, keyStart, view, start, end)) return slot
    }
  }

  #insert(slot: number, hash: number, bytes: Buffer, start: number, end: number): number {
    const key = this.#size
    if (key === this.#hashes.length) {
      this.#grow()
      return this.add(bytes, start, end)
    }
    const keyStart = this.#starts[key]!
    const keyEnd = keyStart + end - start
    if (keyEnd + (key + 1) * COST_OF_KEY > this.limit || keyEnd > MOST_BYTES) throw tooMany(Math.min(this.limit, MOST_BYTES))
    if (keyEnd > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(keyEnd, 2 * this.#bytes.length))
      this.#bytes.copy(grown, 0, 0, keyStart)
      this.#bytes = grown
      this.#view = viewOf(grown)
    }
    bytes.copy(this.#bytes, keyStart, start, end)
    this.#starts[key + 1] = keyEnd
    this.#hashes[key] = hash
    this.#table[slot] = key + 1
    this.#size++
    return key
  }

  #grow(): void {
    const keys = 2 * this.#hashes.length
    this.#hashes = enlarged(this.#hashes, new Int32Array(keys))
    this.#starts = enlarged(this.#starts, new Uint32Array(keys + 1))
    this.#table = new Int32Array(2 * keys)
    const mask = this.#table.length - 1
    for (let key = 0; key < this.#size; key++) {
      let slot = this.#hashes[key]! & mask
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask
      this.#table[slot] = key + 1
    }
  }

  #viewOf(chunk: Buffer): DataView {
    if (chunk !== this.#chunk) {
      this.#chunk = chunk
      this.#chunkView = viewOf(chunk)
    }
    return this.#chunkView
  }
}

/** As `from`, with the room of `to`. */
export function enlarged<A extends Int32Array | Uint32Array | Float64Array>(from: A, to: A): A {
  to.set(from)
  return to
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** Four bytes at a time. A product carries bits only upwards, so each is mixed down again: the table looks at the low ones. */
function hashOf(view: DataView, start: number, end: number): number {
  let hash = 0x811c9dc5 ^ (end - start)
  let at = start
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(hash ^ view.getInt32(at, true), 0x9e3779b1)
    hash ^= hash >>> 15
  }
  for (; at < end; at++) hash = Math.imul(hash ^ view.getUint8(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return hash ^ (hash >>> 13)
}

function equal(keys: DataView, keyStart: number, view: DataView, start: number, end: number): boolean {
  let at = start
  let inKeys = keyStart
  for (; at + 4 <= end; at += 4, inKeys += 4) {
    if (keys.getInt32(inKeys) !== view.getInt32(at)) return false
  }
  for (; at < end; at++, inKeys++) {
    if (keys.getUint8(inKeys) !== view.getUint8(at)) return false
  }
  return true
}

function tooMany(limit: number): GliderError {
  return new GliderError(
    'NO_SPACE',
    `the keys would take more than ${limit} bytes of memory: raise params.maxBytes, or spread the keys over several actions`,
  )
}
