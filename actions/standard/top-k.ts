import type { ActionInput } from '../input.ts'
import type { ActionOutput } from '../output.ts'
import { Aggregation } from './aggregation.ts'
import { badLine, takeInteger, takeOne } from './key-value.ts'
import { MiB, Params } from './params.ts'
import { Sums } from './sums.ts'

export interface TopKParams {
  /** How many keys are given, at most 10,000. @default 10 */
  readonly k?: number
  /** Ranks keys by the sum of their integers, or by how many lines they have. @default 'sum' */
  readonly by?: 'sum' | 'count'
  /** Bound of the memory for keys, of the object and of each stream under way. @default 256 MiB */
  readonly maxBytes?: number
}

/**
 * The keys with the largest sums, exactly. Takes lines `key,integer` as Merge does (with `by: 'count'` also a key alone, and whatever
 * value); gives `key,sum` of the first k, largest first, equal ones by the bytes of the key. It holds all keys, for any may still come
 * to the top. A stream counts as a whole or, if it fails, not at all.
 *
 * @example
 * await node.create('std/TopK', { params: { k: 3, by: 'count' } })
 */
export class TopK extends Aggregation<Sums, TopKParams> {
  static override readonly calls = ['size', 'top']
  #k = 0
  #byCount = false
  #limit = 0
  #sums = new Sums()

  override onCreate(): void {
    const params = new Params('TopK', this.params)
    this.#k = params.integer('k', 10, 1, 10_000)
    this.#byCount = params.choice('by', ['sum', 'count']) === 'count'
    this.#limit = params.bytes('maxBytes', 256 * MiB)
    params.finish()
    this.#sums = new Sums(this.#limit)
  }

  /** How many keys there are. */
  size(): number {
    return this.#sums.keys.size
  }

  /** As pairs of key and sum, the sum as text: JSON has no 64-bit integers. */
  top(): [string, string][] {
    return this.#first().map(key => [this.#sums.keys.text(key), String(this.#sums.sum(key))])
  }

  override async onRead(output: ActionOutput): Promise<void> {
    const { keys } = this.#sums
    const parts = this.#first().flatMap(key => [
      keys.bytes.subarray(keys.start(key), keys.end(key)),
      Buffer.from(`,${this.#sums.sum(key)}\n`),
    ])
    await output.write(Buffer.concat(parts))
  }

  protected override async gather(input: ActionInput): Promise<Sums> {
    const staged = new Sums(this.#limit)
    const take = this.#byCount ? takeOne : takeInteger
    let line = 0
    await input.forEachLineBytes((chunk, start, end) => {
      line++
      if (!take(staged, chunk, start, end)) throw badLine('"key,value" with a signed 64-bit integer', chunk, start, end, line)
    })
    return staged
  }

  protected override apply(staged: Sums): void {
    this.#sums.keys.assertRoomFor(staged.keys)
    this.#sums.addAll(staged)
  }

  /** The numbers of the first k keys: a list of candidates is cut back to k whenever it has grown to twice that. */
  #first(): number[] {
    const { keys } = this.#sums
    const before = (a: number, b: number): number => {
      const bySum = this.#sums.compare(b, a)
      return bySum === 0 ? keys.bytes.compare(keys.bytes, keys.start(b), keys.end(b), keys.start(a), keys.end(a)) : bySum
    }
    let first: number[] = []
    let last: number | undefined
    for (let key = 0; key < keys.size; key++) {
      if (last !== undefined && before(last, key) < 0) continue
      first.push(key)
      if (first.length < 2 * this.#k) continue
      first = first.sort(before).slice(0, this.#k)
      last = first.at(-1)
    }
    return first.sort(before).slice(0, this.#k)
  }
}
