/**
 * Both jobs done once more in the plainest way there is, by one process, without the store and without any of the code that is
 * being checked: strings, a regular expression, a Map and the sort of the language.
 */
import { type Answers, countAnswer, SortDigest } from './answers.ts'
import type { Corpus } from './corpus.ts'

const PIECE_BYTES = 4 << 20
const LINES_AT_ONCE = 10_000

export function answerIndependently(corpus: Corpus): Answers {
  const counts = new Map<string, number>()
  const lines: string[] = []
  for (const part of corpus.parts(Math.ceil(corpus.bytes / PIECE_BYTES))) {
    for (const piece of part) {
      // A character for each byte, so that strings compare as bytes do; all letters that count are in ASCII.
      const text = piece.toString('latin1')
      for (const word of text.toLowerCase().match(/[a-z][a-z']*/g) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1)
      for (const line of text.slice(0, -1).split('\n')) lines.push(line)
    }
  }
  lines.sort()
  const sorted = new SortDigest()
  for (let first = 0; first < lines.length; first += LINES_AT_ONCE) {
    const some = lines.slice(first, first + LINES_AT_ONCE)
    sorted.add(Buffer.from(`${some.join('\n')}\n`, 'latin1'))
  }
  return { wordcount: countAnswer([...counts].map(([word, count]) => `${word},${count}`)), sort: sorted.answer() }
}
