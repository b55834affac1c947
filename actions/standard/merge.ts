import type { ActionInput } from '../input.ts'
import type { ActionOutput } from '../output.ts'
import { Aggregation } from './aggregation.ts'
import { Doubles } from './doubles.ts'
import { Extremes } from './extremes.ts'
import { type Fold, foldedLines } from './fold.ts'
import { badLine, type TakeLine, takeFloat, takeInteger, takeOne } from './key-value.ts'
import { MiB, Params } from './params.ts'
import { Sums } from './sums.ts'

const OUTPUT_BYTES = 64 * 1024

export interface MergeParams {
  /** What becomes of the values of a key. `count` counts its lines, whatever their value. @default 'sum' */
  readonly op?: 'sum' | 'min' | 'max' | 'count'
  /** Signed 64-bit integers, whose sums wrap around, or doubles. @default 'integer' */
  readonly type?: 'integer' | 'float'
  /** Bound of the memory for keys, of the object and of each stream under way. @default 256 MiB */
  readonly maxBytes?: number
}

/**
 * Merges values by key, as a reducer does. Takes lines `key,value`, split at the last comma; gives `key,value` per key, in any
 * order. A stream counts as a whole or, if it fails, not at all; what is read are whole streams.
 *
 * @example
 * await node.create('std/Merge', { params: { op: 'max' }, interleaved: true })
 * // a,3 and a,5 and b,1 are written; a,5 and b,1 are read
 */
export class Merge extends Aggregation<Fold, MergeParams> {
  static override readonly calls = ['size']
  #makeFold: () => Fold = () => new Sums()
  #take: TakeLine = takeInteger
  #wanted = '"key,value" with a signed 64-bit integer'
  #merged: Fold = new Sums()

  override onCreate(): void {
    const params = new Params('Merge', this.params)
    const op = params.choice('op', ['sum', 'min', 'max', 'count'])
    const type = params.choice('type', ['integer', 'float'])
    const limit = params.bytes('maxBytes', 256 * MiB)
    params.finish()
    if (op === 'count') this.#take = takeOne
    else if (type === 'float') {
      this.#take = takeFloat
      this.#wanted = '"key,value" with a number'
    }
    this.#makeFold = () => {
      if (op === 'count') return new Sums(limit)
      if (type === 'float') return new Doubles(op, limit)
      return op === 'sum' ? new Sums(limit) : new Extremes(op, limit)
    }
    this.#merged = this.#makeFold()
  }

  /** How many keys there are. */
  size(): number {
    return this.#merged.keys.size
  }

  override async onRead(output: ActionOutput): Promise<void> {
    for (const lines of foldedLines(this.#merged, OUTPUT_BYTES)) await output.write(lines)
  }

  protected override async gather(input: ActionInput): Promise<Fold> {
    const staged = this.#makeFold()
    const take = this.#take
    let line = 0
    await input.forEachLineBytes((chunk, start, end) => {
      line++
      if (!take(staged, chunk, start, end)) throw badLine(this.#wanted, chunk, start, end, line)
    })
    return staged
  }

  protected override apply(staged: Fold): void {
    this.#merged.keys.assertRoomFor(staged.keys)
    this.#merged.addAll(staged)
  }
}
