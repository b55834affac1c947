import { bigOf, type Fold } from './fold.ts'
import { enlarged, KeyIndex } from './key-index.ts'

/** Sums, least or greatest of doubles by key. The order in which values come may change the last digits of a sum. */
export class Doubles implements Fold {
  readonly keys: KeyIndex
  readonly #fold: 'sum' | 'min' | 'max'
  #values = new Float64Array(0)

  constructor(fold: 'sum' | 'min' | 'max', limit?: number) {
    this.#fold = fold
    this.keys = new KeyIndex(limit)
  }

  add(bytes: Buffer, start: number, end: number, value: number): void {
    const known = this.keys.size
    const key = this.keys.add(bytes, start, end)
    if (key >= this.#values.length) this.#values = enlarged(this.#values, new Float64Array(this.keys.capacity))
    const has = this.#values[key]!
    if (key === known) this.#values[key] = value
    else if (this.#fold === 'sum') this.#values[key] = has + value
    else if (this.#fold === 'min' ? value < has : value > has) this.#values[key] = value
  }

  addWide(bytes: Buffer, start: number, end: number, billions: number, rest: number): void {
    this.add(bytes, start, end, Number(bigOf(billions, rest)))
  }

  addAll(other: Doubles): void {
    const { keys } = other
    for (let key = 0; key < keys.size; key++) this.add(keys.bytes, keys.start(key), keys.end(key), other.#values[key]!)
  }

  snapshot(): (key: number) => string {
    const values = this.#values.slice(0, this.keys.size)
    return key => String(values[key]! + 0)
  }
}
