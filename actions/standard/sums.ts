/** How many keys a table is made for. */
const FIRST_SLOTS = 64
/** Up to here, and with any one value of `add` more, a double holds every integer. */
const EXACT = 2 ** 52

/**
 * Sums of signed 64-bit integers by key, with wrap-around. Keys are bytes, found by their hash; a sum is a double while that
 * is exact, and what it outgrows goes to a 64-bit slot. So neither a string nor a BigInt is made to add one value. Always
 * holds: the sum of a key is `large` + `small` modulo 2^64, and |small| ≤ 2^52.
 */
export class Sums {
  /** Open addressing: key number + 1, 0 where free; at most half full. */
  #table = new Int32Array(2 * FIRST_SLOTS)
  #hashes = new Int32Array(FIRST_SLOTS)
  /** Where each key begins in `#keyBytes`; it ends where the next one begins. */
  #starts = new Uint32Array(FIRST_SLOTS + 1)
  #small = new Float64Array(FIRST_SLOTS)
  #large = new BigInt64Array(FIRST_SLOTS)
  #keyBytes = Buffer.allocUnsafeSlow(1024)
  #size = 0

  /** How many keys there are. */
  get size(): number {
    return this.#size
  }

  /** Adds an integer of at most 2^52 either way to the sum of the key that is `bytes` from `start` to `end`. */
  add(bytes: Buffer, start: number, end: number, value: number): void {
    const key = this.#find(bytes, start, end)
    const sum = this.#small[key]! + value
    if (sum <= EXACT && sum >= -EXACT) this.#small[key] = sum
    else this.#carry(key, BigInt(sum))
  }

  addBig(bytes: Buffer, start: number, end: number, value: bigint): void {
    const key = this.#find(bytes, start, end)
    this.#carry(key, value + BigInt(this.#small[key]!))
  }

  /** Adds all sums of `other`. */
  addAll(other: Sums): void {
    for (let key = 0; key < other.#size; key++) {
      const start = other.#starts[key]!
      const end = other.#starts[key + 1]!
      this.add(other.#keyBytes, start, end, other.#small[key]!)
      if (other.#large[key] !== 0n) this.addBig(other.#keyBytes, start, end, other.#large[key]!)
    }
  }

  /** Lines `key,sum`, in buffers of about `bufferBytes`: what is added later is not in them. */
  *lines(bufferBytes: number): Generator<Buffer, void, undefined> {
    const size = this.#size
    const starts = this.#starts.slice(0, size + 1)
    const small = this.#small.slice(0, size)
    const large = this.#large.slice(0, size)
    const keyBytes = this.#keyBytes
    let out = Buffer.allocUnsafeSlow(bufferBytes)
    let at = 0
    for (let key = 0; key < size; key++) {
      const start = starts[key]!
      const end = starts[key + 1]!
      // A comma, at most 20 characters of a number, and LF.
      const room = end - start + 22
      if (at + room > out.length) {
        if (at > 0) yield out.subarray(0, at)
        out = Buffer.allocUnsafeSlow(Math.max(bufferBytes, room))
        at = 0
      }
      keyBytes.copy(out, at, start, end)
      at += end - start
      const sum = large[key] === 0n ? String(small[key]! + 0) : String(BigInt.asIntN(64, large[key]! + BigInt(small[key]!)))
      at += out.write(`,${sum}\n`, at, 'latin1')
    }
    if (at > 0) yield out.subarray(0, at)
  }

  #carry(key: number, value: bigint): void {
    this.#large[key] = BigInt.asIntN(64, this.#large[key]! + value)
    this.#small[key] = 0
  }

  /** The number of the key, a new one where it is not there yet. */
  #find(bytes: Buffer, start: number, end: number): number {
    const hash = hashOf(bytes, start, end)
    const table = this.#table
    const hashes = this.#hashes
    const mask = table.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const key = table[slot]! - 1
      if (key === -1) return this.#insert(slot, hash, bytes, start, end)
      if (hashes[key] !== hash) continue
      const keyStart = this.#starts[key]!
      if (this.#starts[key + 1]! - keyStart === end - start && equalBytes(this.#keyBytes, keyStart, bytes, start, end)) return key
    }
  }

  #insert(slot: number, hash: number, bytes: Buffer, start: number, end: number): number {
    const key = this.#size
    if (key === this.#hashes.length) {
      this.#grow()
      return this.#find(bytes, start, end)
    }
    const keyStart = this.#starts[key]!
    const keyEnd = keyStart + end - start
    if (keyEnd > this.#keyBytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(keyEnd, 2 * this.#keyBytes.length))
      this.#keyBytes.copy(grown, 0, 0, keyStart)
      this.#keyBytes = grown
    }
    bytes.copy(this.#keyBytes, keyStart, start, end)
    this.#starts[key + 1] = keyEnd
    this.#hashes[key] = hash
    this.#table[slot] = key + 1
    this.#size++
    return key
  }

  #grow(): void {
    const slots = 2 * this.#hashes.length
    this.#hashes = enlarged(this.#hashes, new Int32Array(slots))
    this.#starts = enlarged(this.#starts, new Uint32Array(slots + 1))
    this.#small = enlarged(this.#small, new Float64Array(slots))
    const large = new BigInt64Array(slots)
    large.set(this.#large)
    this.#large = large
    this.#table = new Int32Array(2 * slots)
    const mask = this.#table.length - 1
    for (let key = 0; key < this.#size; key++) {
      let slot = this.#hashes[key]! & mask
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask
      this.#table[slot] = key + 1
    }
  }
}

/** Four bytes at a time. A product carries bits only upwards, so each is mixed down again: the table looks at the low ones. */
function hashOf(bytes: Buffer, start: number, end: number): number {
  let hash = 0x811c9dc5 ^ (end - start)
  let at = start
  for (; at + 4 <= end; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    hash = Math.imul(hash ^ word, 0x9e3779b1)
    hash ^= hash >>> 15
  }
  for (; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return hash ^ (hash >>> 13)
}

function equalBytes(key: Buffer, keyStart: number, bytes: Buffer, start: number, end: number): boolean {
  for (let at = start, inKey = keyStart; at < end; at++, inKey++) {
    if (key[inKey] !== bytes[at]) return false
  }
  return true
}

function enlarged<A extends Int32Array | Uint32Array | Float64Array>(from: A, to: A): A {
  to.set(from)
  return to
}
