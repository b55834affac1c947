import { bigOf, type Fold } from './fold.ts'
import { enlarged, KeyIndex } from './key-index.ts'

/** Up to here, and with any one value of `add` more, a double holds every integer. */
const EXACT = 2 ** 52

/**
 * Sums of signed 64-bit integers by key, with wrap-around. What is added goes into doubles while they are exact, billions apart from
 * the rest, and what they outgrow to a 64-bit slot, so no BigInt is made to add one value. Always holds: the sum of a key is
 * `large` + `billions` * 10^9 + `small` modulo 2^64, and |small|, |billions| ≤ 2^52.
 */
export class Sums implements Fold {
  readonly keys: KeyIndex
  #small = new Float64Array(0)
  #billions = new Float64Array(0)
  #large = new BigInt64Array(0)

  constructor(limit?: number) {
    this.keys = new KeyIndex(limit)
  }

  /** `value` is an integer of at most 2^52 either way. */
  add(bytes: Buffer, start: number, end: number, value: number): void {
    const key = this.keys.add(bytes, start, end)
    if (key >= this.#small.length) this.#grow()
    this.#addSmall(key, value)
  }

  /** Both parts may be of at most 2^52 here. */
  addWide(bytes: Buffer, start: number, end: number, billions: number, rest: number): void {
    const key = this.keys.add(bytes, start, end)
    if (key >= this.#small.length) this.#grow()
    const sum = this.#billions[key]! + billions
    if (sum <= EXACT && sum >= -EXACT) this.#billions[key] = sum
    else {
      this.#addLarge(key, bigOf(sum, 0))
      this.#billions[key] = 0
    }
    this.#addSmall(key, rest)
  }

  addAll(other: Sums): void {
    const { keys } = other
    for (let key = 0; key < keys.size; key++) {
      this.addWide(keys.bytes, keys.start(key), keys.end(key), other.#billions[key]!, other.#small[key]!)
      const large = other.#large[key]!
      if (large !== 0n) this.#addLarge(this.keys.find(keys.bytes, keys.start(key), keys.end(key)), large)
    }
  }

  snapshot(): (key: number) => string {
    const small = this.#small.slice(0, this.keys.size)
    const billions = this.#billions.slice(0, this.keys.size)
    const large = this.#large.slice(0, this.keys.size)
    // A sum of -0 is 0.
    return key =>
      large[key] === 0n && billions[key] === 0 ? String(small[key]! + 0) : String(exact(large[key]!, billions[key]!, small[key]!))
  }

  /** The sum of one key. */
  sum(key: number): bigint {
    return exact(this.#large[key]!, this.#billions[key]!, this.#small[key]!)
  }

  /** Negative where the sum of key `a` is the lesser one. */
  compare(a: number, b: number): number {
    if (this.#isSmall(a) && this.#isSmall(b)) return this.#small[a]! - this.#small[b]!
    const difference = this.sum(a) - this.sum(b)
    return difference === 0n ? 0 : difference > 0n ? 1 : -1
  }

  #isSmall(key: number): boolean {
    return this.#large[key] === 0n && this.#billions[key] === 0
  }

  #addSmall(key: number, value: number): void {
    const sum = this.#small[key]! + value
    if (sum <= EXACT && sum >= -EXACT) this.#small[key] = sum
    else {
      this.#addLarge(key, BigInt(sum))
      this.#small[key] = 0
    }
  }

  #addLarge(key: number, value: bigint): void {
    this.#large[key] = BigInt.asIntN(64, this.#large[key]! + value)
  }

  #grow(): void {
    this.#small = enlarged(this.#small, new Float64Array(this.keys.capacity))
    this.#billions = enlarged(this.#billions, new Float64Array(this.keys.capacity))
    const large = new BigInt64Array(this.keys.capacity)
    large.set(this.#large)
    this.#large = large
  }
}

function exact(large: bigint, billions: number, small: number): bigint {
  return BigInt.asIntN(64, large + bigOf(billions, small))
}
