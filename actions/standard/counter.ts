import { Action } from '../action.ts'
import type { ActionInput } from '../input.ts'
import type { ActionOutput } from '../output.ts'

const LF = 10

/** Counts the lines and bytes of the streams that were written to it; gives `lines,bytes`. A stream that fails does not count. */
export class Counter extends Action {
  static override readonly calls = ['value']
  #lines = 0
  #bytes = 0

  override async onWrite(input: ActionInput): Promise<void> {
    let lines = 0
    let bytes = 0
    let last = LF
    await input.forEachChunk(chunk => {
      if (chunk.length === 0) return
      bytes += chunk.length
      for (let at = 0; at < chunk.length; at++) if (chunk[at] === LF) lines++
      last = chunk[chunk.length - 1]!
    })
    this.#lines += last === LF ? lines : lines + 1
    this.#bytes += bytes
  }

  override async onRead(output: ActionOutput): Promise<void> {
    await output.write(`${this.#lines},${this.#bytes}\n`)
  }

  value(): { lines: number; bytes: number } {
    return { lines: this.#lines, bytes: this.#bytes }
  }
}
