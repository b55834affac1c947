import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Action } from '../action.ts'
import type { ActionInput } from '../input.ts'
import type { ActionOutput } from '../output.ts'
import { LineBatch, sortedLines } from './sorted-lines.ts'

const OUTPUT_BYTES = 256 * 1024

export interface SorterSize {
  readonly lines: number
  /** With one LF for each line. */
  readonly bytes: number
}

/**
 * Sorts lines by their bytes (of UTF-8), in memory. Takes lines, gives all lines so far in order; the call `finish` writes them
 * to a file of the store instead, so that they never travel to whoever asks. A stream counts as a whole or, if it fails, not at all.
 */
export class Sorter extends Action {
  static override readonly calls = ['finish', 'size']
  readonly #batches: LineBatch[] = []

  override async onWrite(input: ActionInput): Promise<void> {
    const staged = new LineBatch()
    await input.forEachLineBytes((chunk, start, end) => staged.add(chunk, start, end))
    if (staged.lines === 0) return
    staged.trim()
    this.#batches.push(staged)
  }

  override async onRead(output: ActionOutput): Promise<void> {
    for (const lines of sortedLines([...this.#batches], OUTPUT_BYTES)) await output.write(lines)
  }

  /** Writes all lines so far, in order, to the file `path`, which is created or replaced. */
  async finish(value: unknown): Promise<SorterSize> {
    const path = pathOf(value)
    const batches = [...this.#batches]
    const file = await this.store.create(path, 'file', { ifExists: 'open', parents: true })
    const lines = Readable.from(sortedLines(batches, OUTPUT_BYTES), { objectMode: false, highWaterMark: OUTPUT_BYTES })
    await pipeline(lines, file.createWriteStream(), { signal: this.signal })
    return sizeOf(batches)
  }

  size(): SorterSize {
    return sizeOf(this.#batches)
  }
}

function sizeOf(batches: readonly LineBatch[]): SorterSize {
  let lines = 0
  let bytes = 0
  for (const batch of batches) {
    lines += batch.lines
    bytes += batch.length + batch.lines
  }
  return { lines, bytes }
}

function pathOf(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'path' in value && typeof value.path === 'string') return value.path
  throw new TypeError('finish takes { path }: the file that the sorted lines go to')
}
