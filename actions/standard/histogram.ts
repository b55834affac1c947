import { GliderError } from '../../protocol/errors.ts'
import type { ActionInput } from '../input.ts'
import type { ActionOutput } from '../output.ts'
import { Aggregation } from './aggregation.ts'
import { badLine, floatOf, lastComma } from './key-value.ts'
import { Params } from './params.ts'

const MAX_BUCKETS = 100_000

export interface HistogramParams {
  /** Borders between buckets, ascending: n of them make n + 1 buckets. Either these… */
  readonly bounds?: readonly number[]
  /** …or `buckets` of equal width from here… */
  readonly min?: number
  /** …to there. */
  readonly max?: number
  /** @default 10 */
  readonly buckets?: number
}

interface Stage {
  readonly counts: Float64Array
  least: number
  greatest: number
}

export interface HistogramSummary {
  readonly count: number
  /** Null where nothing was counted. */
  readonly min: number | null
  readonly max: number | null
}

/**
 * Counts numbers by range. Takes lines with a number each, behind the last comma where there is one; gives `from,to,count` per
 * bucket, ascending, `from` inclusive and `to` exclusive. The first begins at `-Infinity` and the last ends at `Infinity`, so every
 * number has its place. Memory: one count per bucket, at most 100,000. A stream counts as a whole or, if it fails, not at all.
 *
 * @example
 * await node.create('std/Histogram', { params: { bounds: [10, 100, 1000] } })
 * await node.call('quantile', 0.99)
 */
export class Histogram extends Aggregation<Stage, HistogramParams> {
  static override readonly calls = ['quantile', 'summary']
  #bounds: Float64Array = new Float64Array(0)
  #total: Stage = this.#stage()

  override onCreate(): void {
    const params = new Params('Histogram', this.params)
    this.#bounds = boundsOf(params)
    params.finish()
    this.#total = this.#stage()
  }

  summary(): HistogramSummary {
    const { counts, least, greatest } = this.#total
    const count = counts.reduce((sum, next) => sum + next, 0)
    return { count, min: count === 0 ? null : least, max: count === 0 ? null : greatest }
  }

  /** About the number below which that part (0 to 1) of all lies, taken as evenly spread within its bucket; null where there is none. */
  quantile(part: unknown): number | null {
    if (typeof part !== 'number' || !(part >= 0 && part <= 1)) {
      throw new GliderError('INVALID_ARGUMENT', `quantile takes a number from 0 to 1, not ${JSON.stringify(part)}`)
    }
    const { counts, least, greatest } = this.#total
    const { count } = this.summary()
    if (count === 0) return null
    let left = part * count
    for (const [bucket, inBucket] of counts.entries()) {
      if (inBucket > 0 && left <= inBucket) {
        const from = Math.max(least, this.#bounds[bucket - 1] ?? least)
        const to = Math.min(greatest, this.#bounds[bucket] ?? greatest)
        return from + ((to - from) * left) / inBucket
      }
      left -= inBucket
    }
    return greatest
  }

  override async onRead(output: ActionOutput): Promise<void> {
    const bounds = this.#bounds
    const lines = Array.from(this.#total.counts, (count, bucket) => {
      return `${bounds[bucket - 1] ?? '-Infinity'},${bounds[bucket] ?? 'Infinity'},${count}\n`
    })
    await output.write(lines.join(''))
  }

  protected override async gather(input: ActionInput): Promise<Stage> {
    const staged = this.#stage()
    const { counts } = staged
    let line = 0
    await input.forEachLineBytes((chunk, start, end) => {
      line++
      const comma = lastComma(chunk, start, end)
      const value = floatOf(chunk, comma === -1 ? start : comma + 1, end)
      if (value === undefined) throw badLine('a number, or "key,number"', chunk, start, end, line)
      counts[this.#bucketOf(value)]!++
      if (value < staged.least) staged.least = value
      if (value > staged.greatest) staged.greatest = value
    })
    return staged
  }

  protected override apply({ counts, least, greatest }: Stage): void {
    for (const [bucket, count] of counts.entries()) this.#total.counts[bucket]! += count
    this.#total.least = Math.min(this.#total.least, least)
    this.#total.greatest = Math.max(this.#total.greatest, greatest)
  }

  #stage(): Stage {
    const counts = new Float64Array(this.#bounds.length + 1)
    return { counts, least: Number.POSITIVE_INFINITY, greatest: Number.NEGATIVE_INFINITY }
  }

  /** How many borders are at or below it. */
  #bucketOf(value: number): number {
    let low = 0
    let high = this.#bounds.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#bounds[middle]! <= value) low = middle + 1
      else high = middle
    }
    return low
  }
}

function boundsOf(params: Params): Float64Array {
  const given = params.value('bounds')
  const min = params.number('min')
  const max = params.number('max')
  const buckets = params.integer('buckets', 10, 1, MAX_BUCKETS - 2)
  if (given === undefined) {
    if (min === undefined || max === undefined || !(min < max)) {
      throw params.wrong('bounds', 'given, or else params.min and params.max, min below max')
    }
    return Float64Array.from({ length: buckets + 1 }, (_, at) => (at === buckets ? max : min + ((max - min) * at) / buckets))
  }
  const ascending =
    Array.isArray(given) &&
    given.length > 0 &&
    given.length < MAX_BUCKETS &&
    given.every((bound, at) => typeof bound === 'number' && (at === 0 || bound > (given[at - 1] as number)))
  if (!ascending) throw params.wrong('bounds', `1 to ${MAX_BUCKETS - 1} numbers, each above the one before`)
  if (min !== undefined || max !== undefined) throw params.wrong('bounds', 'left out where params.min and params.max are given')
  return Float64Array.from(given as number[])
}
