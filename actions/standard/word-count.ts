import { GliderError } from '../../protocol/errors.ts'
import type { ActionInput } from '../input.ts'
import type { ActionOutput } from '../output.ts'
import { Aggregation } from './aggregation.ts'
import { foldedLines } from './fold.ts'
import { MiB, Params } from './params.ts'
import { Sums } from './sums.ts'
import { Words, wordOf } from './words.ts'

const OUTPUT_BYTES = 64 * 1024

export interface WordCountParams {
  /** Whether `Whale` and `whale` are two words. @default false */
  readonly caseSensitive?: boolean
  /** Bound of the memory for words, of the object and of each stream under way. @default 256 MiB */
  readonly maxBytes?: number
}

/**
 * Counts words. Takes any text; gives `word,count` per word, in any order. A word is a run of letters, digits and marks of any
 * script, in small letters unless `caseSensitive`; one of more than 64 KiB fails its stream. A stream counts as a whole or, if it
 * fails, not at all.
 *
 * @example
 * await node.create('std/WordCount')
 * // "The whale, the WHALE!" is written; the,2 and whale,2 are read
 */
export class WordCount extends Aggregation<Sums, WordCountParams> {
  static override readonly calls = ['count', 'size']
  #caseSensitive = false
  #limit = 0
  #counts = new Sums()

  override onCreate(): void {
    const params = new Params('WordCount', this.params)
    this.#caseSensitive = params.boolean('caseSensitive')
    this.#limit = params.bytes('maxBytes', 256 * MiB)
    params.finish()
    this.#counts = new Sums(this.#limit)
  }

  /** How often a word has come. */
  count(word: unknown): number {
    const bytes = typeof word === 'string' ? wordOf(word, this.#caseSensitive) : undefined
    if (!bytes) throw new GliderError('INVALID_ARGUMENT', `count takes one word, not ${JSON.stringify(word)}`)
    const key = this.#counts.keys.find(bytes, 0, bytes.length)
    return key === -1 ? 0 : Number(this.#counts.sum(key))
  }

  /** How many different words there are. */
  size(): number {
    return this.#counts.keys.size
  }

  override async onRead(output: ActionOutput): Promise<void> {
    for (const lines of foldedLines(this.#counts, OUTPUT_BYTES)) await output.write(lines)
  }

  protected override async gather(input: ActionInput): Promise<Sums> {
    const staged = new Sums(this.#limit)
    const words = new Words(this.#caseSensitive, (bytes, start, end) => staged.add(bytes, start, end, 1))
    await input.forEachChunk(chunk => words.feed(chunk))
    words.finish()
    return staged
  }

  protected override apply(staged: Sums): void {
    this.#counts.keys.assertRoomFor(staged.keys)
    this.#counts.addAll(staged)
  }
}
