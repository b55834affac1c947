import { GliderError } from '../../protocol/errors.ts'
import type { ActionInput } from '../input.ts'
import type { ActionOutput } from '../output.ts'
import { Aggregation } from './aggregation.ts'
import { JoinSide, keyEnd } from './join-side.ts'
import { LineBatch } from './line-batch.ts'
import { LineWriter } from './line-writer.ts'
import { MiB, Params } from './params.ts'
import { forEachLineOf } from './store-lines.ts'

export interface JoinParams {
  /** `inner` gives pairs; `left` also each left record without a partner, with nothing behind its last separator. @default 'inner' */
  readonly kind?: 'inner' | 'left'
  /** One ASCII character; the key is what stands before the first. @default ',' */
  readonly separator?: string
  /** Path of a file that is the right side: it is read through the action with every read, and takes no memory. @default streams */
  readonly right?: string
  /** Bound of the memory for each side, and for each stream under way. @default 256 MiB */
  readonly maxBytes?: number
}

interface Stage {
  readonly side: 'left' | 'right'
  readonly records: JoinSide
}

/**
 * Joins two inputs by key, with a hash table of one of them. Takes streams whose first line is `left` or `right`, and then records
 * `key,…`; gives `key,left…,right…` for each pair with one key, in any order. Either side may come in any number of streams, and in
 * any order. A stream counts as a whole or, if it fails, not at all.
 *
 * @example
 * await node.create('std/Join', { interleaved: true })
 * // "left\n1,ada\n" and "right\n1,london\n1,paris\n" are written; 1,ada,london and 1,ada,paris are read
 */
export class Join extends Aggregation<Stage, JoinParams> {
  static override readonly calls = ['size']
  #separator = 44
  #limit = 0
  #keepsUnmatched = false
  #rightFile: string | undefined
  #left = new JoinSide(0, 0)
  #right = new JoinSide(0, 0)

  override onCreate(): void {
    const params = new Params('Join', this.params)
    this.#keepsUnmatched = params.choice('kind', ['inner', 'left']) === 'left'
    this.#separator = params.separator('separator', ',')
    this.#rightFile = params.text('right')
    this.#limit = params.bytes('maxBytes', 256 * MiB)
    params.finish()
    this.#left = this.#newSide()
    this.#right = this.#newSide()
  }

  /** How many records each side has. */
  size(): { left: number; right: number } {
    return { left: this.#left.records.lines, right: this.#right.records.lines }
  }

  override async onRead(output: ActionOutput): Promise<void> {
    const joined = new LineWriter(output)
    const left = this.#left
    const leftCount = left.records.lines
    const matched = new Uint8Array(leftCount)
    const probeAll = async (records: LineBatch): Promise<void> => {
      const count = records.lines
      for (let record = 0; record < count; record++) {
        const end = records.end(record)
        const behindKey = keyEnd(records.bytes, records.start(record), end, this.#separator)
        let partner = left.newest(records.bytes, records.start(record), behindKey)
        for (; partner !== -1; partner = left.older(partner)) {
          // What has come since this read began is not in it.
          if (partner >= leftCount) continue
          matched[partner] = 1
          joined.append(left.records.bytes, left.records.start(partner), left.records.end(partner))
          joined.add(records.bytes, behindKey, end)
          // After each pair: one record may have any number of partners.
          if (joined.isFull) await joined.flush()
        }
      }
    }
    if (this.#rightFile === undefined) await probeAll(this.#right.records)
    else {
      let lines = new LineBatch()
      const add = (chunk: Buffer, start: number, end: number): void => lines.add(chunk, start, end)
      await forEachLineOf(this.store, this.#rightFile, output.signal, add, () => {
        const records = lines
        lines = new LineBatch()
        return probeAll(records)
      })
    }
    if (this.#keepsUnmatched) {
      const nothing = Buffer.of(this.#separator)
      for (let record = 0; record < leftCount; record++) {
        if (matched[record] === 1) continue
        joined.append(left.records.bytes, left.records.start(record), left.records.end(record))
        joined.add(nothing, 0, 1)
        if (joined.isFull) await joined.flush()
      }
    }
    await joined.flush()
  }

  protected override async gather(input: ActionInput): Promise<Stage> {
    const records = this.#newSide()
    let side: 'left' | 'right' | undefined
    await input.forEachLineBytes(
      (chunk, start, end) => {
        if (side) records.add(chunk, start, end)
        else side = this.#sideOf(chunk.toString('utf8', start, Math.min(end, start + 80)))
      },
      () => records.assertRoomFor(undefined),
    )
    return { side: side ?? this.#sideOf(''), records }
  }

  protected override apply({ side, records }: Stage): void {
    const whole = side === 'left' ? this.#left : this.#right
    whole.assertRoomFor(records)
    whole.addAll(records)
  }

  #sideOf(line: string): 'left' | 'right' {
    if (line === 'left' || (line === 'right' && this.#rightFile === undefined)) return line
    const wanted = this.#rightFile === undefined ? '"left" or "right"' : '"left", for params.right is the other side'
    throw new GliderError(
      'INVALID_ARGUMENT',
      `the first line of a stream to a join must be ${wanted}, not ${JSON.stringify(line)}`,
    )
  }

  #newSide(): JoinSide {
    return new JoinSide(this.#separator, this.#limit)
  }
}
