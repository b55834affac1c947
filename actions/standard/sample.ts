import { systemRandomness } from '../../protocol/clock.system.ts'
import type { ActionInput } from '../input.ts'
import type { ActionOutput } from '../output.ts'
import { Aggregation } from './aggregation.ts'
import { LineWriter } from './line-writer.ts'
import { lots } from './lots.ts'
import { MiB, Params } from './params.ts'
import { Reservoir } from './reservoir.ts'

export interface SampleParams {
  /** Lines in the sample, at most 1,000,000. @default 100 */
  readonly size?: number
  /** The same lines in the same order of streams give the same sample. @default at random */
  readonly seed?: number
  /** Bound of the bytes of the sample, of the object and of each stream under way. @default 64 MiB */
  readonly maxBytes?: number
}

/**
 * A sample of all lines, in which each has the same chance to be (a reservoir). Takes lines; gives `size` of them, or all as long as there
 * are no more, in any order. A stream counts as a whole or, if it fails, not at all.
 *
 * @example
 * await node.create('std/Sample', { params: { size: 1000 } })
 */
export class Sample extends Aggregation<Reservoir, SampleParams> {
  static override readonly calls = ['size']
  #size = 0
  #maxBytes = 0
  #seed = 0
  #streams = 0
  #sample = new Reservoir(0, 0)

  override onCreate(): void {
    const params = new Params('Sample', this.params)
    this.#size = params.integer('size', 100, 1, 1_000_000)
    this.#seed = params.integer('seed', systemRandomness.bytes(6).readUIntBE(0, 6), 0)
    this.#maxBytes = params.bytes('maxBytes', 64 * MiB)
    params.finish()
    this.#sample = this.#empty()
  }

  /** How many lines the sample has, and of how many it is one. */
  size(): { sampled: number; lines: number } {
    return { sampled: this.#sample.lines.length, lines: this.#sample.offered }
  }

  override async onRead(output: ActionOutput): Promise<void> {
    const lines = new LineWriter(output)
    for (const line of this.#sample.lines) {
      lines.add(line, 0, line.length)
      if (lines.isFull) await lines.flush()
    }
    await lines.flush()
  }

  protected override async gather(input: ActionInput): Promise<Reservoir> {
    const staged = this.#empty()
    const lot = lots(this.#seed, this.#streams++)
    await input.forEachLineBytes((chunk, start, end) => staged.offer(lot(), chunk, start, end))
    return staged
  }

  protected override apply(staged: Reservoir): void {
    this.#sample = this.#sample.with(staged)
  }

  #empty(): Reservoir {
    return new Reservoir(this.#size, this.#maxBytes)
  }
}
