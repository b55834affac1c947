import { BILLION, bigOf, type Fold, WIDE_BILLIONS } from './fold.ts'
import { enlarged, KeyIndex } from './key-index.ts'

/** Integers below it, either way, come as numbers, all others as wide: so the two kinds never meet as equals. */
const FIRST_BIG = WIDE_BILLIONS * BILLION

/**
 * The least or the greatest of signed 64-bit integers by key. Always holds: the value of a key is `near` where that is below
 * FIRST_BIG, else `big`, of which `near` is the nearest double.
 */
export class Extremes implements Fold {
  readonly keys: KeyIndex
  readonly #wanted: 'min' | 'max'
  #near = new Float64Array(0)
  #big = new BigInt64Array(0)

  constructor(wanted: 'min' | 'max', limit?: number) {
    this.#wanted = wanted
    this.keys = new KeyIndex(limit)
  }

  add(bytes: Buffer, start: number, end: number, value: number): void {
    const known = this.keys.size
    const key = this.keys.add(bytes, start, end)
    if (key >= this.#near.length) this.#grow()
    if (key === known || this.#beats(value, this.#near[key]!)) this.#near[key] = value
  }

  addWide(bytes: Buffer, start: number, end: number, billions: number, rest: number): void {
    this.#addBig(bytes, start, end, bigOf(billions, rest))
  }

  addAll(other: Extremes): void {
    const { keys } = other
    for (let key = 0; key < keys.size; key++) {
      const near = other.#near[key]!
      if (Math.abs(near) < FIRST_BIG) this.add(keys.bytes, keys.start(key), keys.end(key), near)
      else this.#addBig(keys.bytes, keys.start(key), keys.end(key), other.#big[key]!)
    }
  }

  snapshot(): (key: number) => string {
    const near = this.#near.slice(0, this.keys.size)
    const big = this.#big.slice(0, this.keys.size)
    return key => (Math.abs(near[key]!) < FIRST_BIG ? String(near[key]! + 0) : String(big[key]))
  }

  #addBig(bytes: Buffer, start: number, end: number, value: bigint): void {
    const near = Number(value)
    const known = this.keys.size
    const key = this.keys.add(bytes, start, end)
    if (key >= this.#near.length) this.#grow()
    const has = this.#near[key]!
    if (key !== known && !(has === near ? this.#beats(value, this.#big[key]!) : this.#beats(near, has))) return
    this.#near[key] = near
    this.#big[key] = value
  }

  #beats<N extends number | bigint>(value: N, other: N): boolean {
    return this.#wanted === 'min' ? value < other : value > other
  }

  #grow(): void {
    this.#near = enlarged(this.#near, new Float64Array(this.keys.capacity))
    const big = new BigInt64Array(this.keys.capacity)
    big.set(this.#big)
    this.#big = big
  }
}
