/** Answers of the two jobs in a form that can be compared, whoever gave them: sizes, and a hash of every byte. */
import { createHash } from 'node:crypto'

const LF = 10

export interface CountAnswer {
  readonly words: number
  readonly hash: string
}

export interface SortAnswer {
  readonly lines: number
  readonly bytes: number
  readonly hash: string
}

export interface Answers {
  readonly wordcount: CountAnswer
  readonly sort: SortAnswer
}

/** Lines `word,count` have no order of their own: they are compared as sorted. A word that came twice stays twice. */
export function countAnswer(lines: string[]): CountAnswer {
  const hash = createHash('sha256')
  for (const line of lines.sort()) hash.update(`${line}\n`, 'latin1')
  return { words: lines.length, hash: hash.digest('hex') }
}

/** Takes sorted text as it comes, in pieces cut anywhere. */
export class SortDigest {
  readonly #hash = createHash('sha256')
  #lines = 0
  #bytes = 0

  add(piece: Buffer): void {
    for (let at = piece.indexOf(LF); at !== -1; at = piece.indexOf(LF, at + 1)) this.#lines++
    this.#bytes += piece.length
    this.#hash.update(piece)
  }

  answer(): SortAnswer {
    return { lines: this.#lines, bytes: this.#bytes, hash: this.#hash.digest('hex') }
  }
}

/** What is wrong with an answer, or undefined. */
export function difference(what: string, got: CountAnswer | SortAnswer, expected: CountAnswer | SortAnswer): string | undefined {
  const [gotText, expectedText] = [got, expected].map(answer => JSON.stringify(answer))
  return gotText === expectedText ? undefined : `${what} gave ${gotText} where an independent process found ${expectedText}`
}
