import type { ActionInput } from '../input.ts'
import type { ActionOutput } from '../output.ts'
import { Aggregation } from './aggregation.ts'
import { Params } from './params.ts'

const LF = 10

export interface Counts {
  /** A last one without LF counts. */
  readonly lines: number
  readonly bytes: number
}

/**
 * Counts the lines and bytes of what is written to it; gives `lines,bytes` in one line. It keeps nothing else, whatever is written.
 * A stream counts as a whole or, if it fails, not at all. No params.
 *
 * @example
 * await node.create('std/Counter')
 * await node.call('value') // { lines: 0, bytes: 0 }
 */
export class Counter extends Aggregation<Counts> {
  static override readonly calls = ['value']
  #lines = 0
  #bytes = 0

  override onCreate(): void {
    new Params('Counter', this.params).finish()
  }

  value(): Counts {
    return { lines: this.#lines, bytes: this.#bytes }
  }

  override async onRead(output: ActionOutput): Promise<void> {
    await output.write(`${this.#lines},${this.#bytes}\n`)
  }

  protected override async gather(input: ActionInput): Promise<Counts> {
    let lines = 0
    let bytes = 0
    let last = LF
    await input.forEachChunk(chunk => {
      if (chunk.length === 0) return
      bytes += chunk.length
      for (let at = 0; at < chunk.length; at++) if (chunk[at] === LF) lines++
      last = chunk[chunk.length - 1]!
    })
    return { lines: last === LF ? lines : lines + 1, bytes }
  }

  protected override apply(staged: Counts): void {
    this.#lines += staged.lines
    this.#bytes += staged.bytes
  }
}
