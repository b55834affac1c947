import { Action } from '../action.ts'
import { ByteLines } from '../lines.ts'
import type { ActionOutput } from '../output.ts'

const OUTPUT_BYTES = 64 * 1024

export interface FilterParams {
  /** Path of the file whose lines are filtered. */
  readonly file: string
  /** Lines that contain it pass… */
  readonly substring?: string
  /** …or those that this regular expression matches. */
  readonly pattern?: string
}

type LineTest = (chunk: Buffer, start: number, end: number) => boolean

/** Gives the lines of a file that match, read through the action: only what matches travels to the reader. */
export class Filter extends Action<FilterParams> {
  #makeTest: () => LineTest = () => () => false

  override onCreate(): void {
    const { file, substring, pattern } = this.params ?? {}
    if (typeof file !== 'string') throw new TypeError('params.file must be the path of a file')
    if (typeof substring === 'string' && pattern === undefined) {
      this.#makeTest = () => contains(Buffer.from(substring))
    } else if (typeof pattern === 'string' && substring === undefined) {
      const expression = new RegExp(pattern, 'u')
      this.#makeTest = () => (chunk, start, end) => expression.test(chunk.toString('utf8', start, end))
    } else {
      throw new TypeError('params must have either substring or pattern, a string')
    }
  }

  override async onRead(output: ActionOutput): Promise<void> {
    const file = await this.store.lookup(this.params.file, 'file')
    const test = this.#makeTest()
    const lines = new ByteLines()
    let matching: Buffer[] = []
    let matchingBytes = 0
    const keep = (chunk: Buffer, start: number, end: number): void => {
      if (!test(chunk, start, end)) return
      const line = Buffer.allocUnsafe(end - start + 1)
      chunk.copy(line, 0, start, end)
      line[end - start] = 10
      matching.push(line)
      matchingBytes += line.length
    }
    const flush = async (): Promise<void> => {
      await output.write(Buffer.concat(matching, matchingBytes))
      matching = []
      matchingBytes = 0
    }
    for await (const chunk of file.createReadStream({ signal: output.signal }) as AsyncIterable<Buffer>) {
      lines.feed(chunk, keep)
      if (matchingBytes >= OUTPUT_BYTES) await flush()
    }
    lines.finish(keep)
    await flush()
  }
}

/** Looks for the next hit in the whole chunk, not line by line: where little matches, most lines cost one comparison. */
function contains(needle: Buffer): LineTest {
  let searched: Buffer | undefined
  let hit = -1
  return (chunk, start, end) => {
    // At 0 the same memory may hold another line: that of the carry buffer is used again and again.
    if (chunk !== searched || start === 0 || (hit !== -1 && hit < start)) hit = chunk.indexOf(needle, start)
    searched = chunk
    return hit !== -1 && hit + needle.length <= end
  }
}
