import { Random32 } from '../random.ts'

/** In one line of so many: about 0.25 % of all. */
const LINES_FOR_EACH_MATCH = 416
export const NEEDLE = 'glider'

const WORDS = 2_000
const MOST_LINE_WORDS = 20
const LEAST_LINE_WORDS = 8
const LETTERS = 'etaoinshrdlucmfwypvbgkjqxz'

/** Whole lines of words of lower-case letters, about `bytes` of them, of which one in 416 contains the needle. */
export function textOf(seed: number, bytes: number): Buffer {
  const random = new Random32(seed)
  const below = (limit: number): number => (random.next() >>> 0) % limit
  const words = Array.from({ length: WORDS }, () => wordOf(below)).filter(word => !word.includes(NEEDLE))
  const lines: string[] = []
  for (let number = 1, made = 0; made < bytes; number++) {
    const length = LEAST_LINE_WORDS + below(MOST_LINE_WORDS - LEAST_LINE_WORDS + 1)
    const line = Array.from({ length }, () => words[below(words.length)]!)
    if (number % LINES_FOR_EACH_MATCH === 0) line[below(length)] = NEEDLE
    const text = `${line.join(' ')}\n`
    lines.push(text)
    made += text.length
  }
  return Buffer.from(lines.join(''))
}

/** Two to nine letters, the first ones of LETTERS more often than the last ones. */
function wordOf(below: (limit: number) => number): string {
  const length = 2 + below(8)
  return Array.from({ length }, () => LETTERS[Math.min(below(LETTERS.length), below(LETTERS.length))]!).join('')
}
