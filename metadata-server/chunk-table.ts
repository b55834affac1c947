/**
 * Values by number, where every new number is higher than all before it. A Map of a million moves them all when it grows, and
 * nothing else happens meanwhile; this has them in chunks, none of which is ever moved. Always holds: the chunks are in rising
 * order, and each has a value at least.
 */
import { invariant } from '../protocol/errors.ts'

const CHUNK = 1024

interface Chunk<V> {
  readonly values: (V | undefined)[]
  count: number
}

export class ChunkTable<V> {
  readonly #chunks = new Map<number, Chunk<V>>()
  #size = 0
  #last = -1

  get size(): number {
    return this.#size
  }

  get(number: number): V | undefined {
    return this.#chunks.get(Math.floor(number / CHUNK))?.values[number % CHUNK]
  }

  add(number: number, value: V): void {
    invariant(number > this.#last, `${number} comes after ${this.#last}`)
    this.#last = number
    const index = Math.floor(number / CHUNK)
    let chunk = this.#chunks.get(index)
    if (!chunk) {
      chunk = { values: [], count: 0 }
      this.#chunks.set(index, chunk)
    }
    while (chunk.values.length < number % CHUNK) chunk.values.push(undefined)
    chunk.values.push(value)
    chunk.count += 1
    this.#size += 1
  }

  delete(number: number): void {
    const index = Math.floor(number / CHUNK)
    const chunk = this.#chunks.get(index)
    if (chunk?.values[number % CHUNK] === undefined) return
    chunk.values[number % CHUNK] = undefined
    chunk.count -= 1
    this.#size -= 1
    if (chunk.count === 0) this.#chunks.delete(index)
  }

  clear(): void {
    this.#chunks.clear()
    this.#size = 0
  }

  /** The values from a number on, in rising order, whatever is added and deleted meanwhile. */
  *from(number: number): Generator<V, undefined> {
    const first = Math.floor(number / CHUNK)
    for (const [index, { values }] of this.#chunks) {
      if (index < first) continue
      for (let at = index === first ? number % CHUNK : 0; at < values.length; at += 1) {
        const value = values[at]
        if (value !== undefined) yield value
      }
    }
    return undefined
  }
}
