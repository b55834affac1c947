import type { Fold } from './fold.ts'
import { enlarged, KeyIndex } from './key-index.ts'

/** Up to here, and with any one value of `add` more, a double holds every integer. */
const EXACT = 2 ** 52

/**
 * Sums of signed 64-bit integers by key, with wrap-around. A sum is a double while that is exact, and what it outgrows goes to
 * a 64-bit slot, so no BigInt is made to add one value. Always holds: the sum of a key is `large` + `small` modulo 2^64, and
 * |small| ≤ 2^52.
 */
export class Sums implements Fold {
  readonly keys: KeyIndex
  #small = new Float64Array(0)
  #large = new BigInt64Array(0)

  constructor(limit?: number) {
    this.keys = new KeyIndex(limit)
  }

  /** `value` is an integer of at most 2^52 either way. */
  add(bytes: Buffer, start: number, end: number, value: number): void {
    const key = this.keys.add(bytes, start, end)
    if (key >= this.#small.length) this.#grow()
    const sum = this.#small[key]! + value
    if (sum <= EXACT && sum >= -EXACT) this.#small[key] = sum
    else this.#carry(key, BigInt(sum))
  }

  addBig(bytes: Buffer, start: number, end: number, value: bigint): void {
    const key = this.keys.add(bytes, start, end)
    if (key >= this.#small.length) this.#grow()
    this.#carry(key, value + BigInt(this.#small[key]!))
  }

  addAll(other: Sums): void {
    const { keys } = other
    for (let key = 0; key < keys.size; key++) {
      const start = keys.start(key)
      const end = keys.end(key)
      this.add(keys.bytes, start, end, other.#small[key]!)
      if (other.#large[key] !== 0n) this.addBig(keys.bytes, start, end, other.#large[key]!)
    }
  }

  snapshot(): (key: number) => string {
    const small = this.#small.slice(0, this.keys.size)
    const large = this.#large.slice(0, this.keys.size)
    // A sum of -0 is 0.
    return key => (large[key] === 0n ? String(small[key]! + 0) : String(exact(large[key]!, small[key]!)))
  }

  /** The sum of one key. */
  sum(key: number): bigint {
    return exact(this.#large[key]!, this.#small[key]!)
  }

  /** Negative where the sum of key `a` is the lesser one. */
  compare(a: number, b: number): number {
    if (this.#large[a] === 0n && this.#large[b] === 0n) return this.#small[a]! - this.#small[b]!
    const difference = this.sum(a) - this.sum(b)
    return difference === 0n ? 0 : difference > 0n ? 1 : -1
  }

  #carry(key: number, value: bigint): void {
    this.#large[key] = BigInt.asIntN(64, this.#large[key]! + value)
    this.#small[key] = 0
  }

  #grow(): void {
    this.#small = enlarged(this.#small, new Float64Array(this.keys.capacity))
    const large = new BigInt64Array(this.keys.capacity)
    large.set(this.#large)
    this.#large = large
  }
}

function exact(large: bigint, small: number): bigint {
  return BigInt.asIntN(64, large + BigInt(small))
}
