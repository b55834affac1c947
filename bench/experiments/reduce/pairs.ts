import { Random32 } from '../random.ts'

export const KEYS = 1024
/** Key, comma, sign, 19 digits and LF. */
export const MOST_LINE_BYTES = 4 + 1 + 1 + 19 + 1

const COMMA = 44
const MINUS = 45
const LF = 10
const ZERO = 48
const BILLION = 1e9

/** The three digits of each number below 1,000. */
const digits = new Uint8Array(3_000)
for (let number = 0; number < 1_000; number++) {
  digits[3 * number] = ZERO + Math.floor(number / 100)
  digits[3 * number + 1] = ZERO + (Math.floor(number / 10) % 10)
  digits[3 * number + 2] = ZERO + (number % 10)
}

/** Lines `key,value`: 1,024 distinct integer keys, and values over all signed 64-bit integers, each as likely as any other. */
export class Pairs {
  readonly #random: Random32

  constructor(seed: number) {
    this.#random = new Random32(seed)
  }

  /** Fills a buffer with whole lines, as long as one more may be too long for it. Answers how many bytes. */
  fill(into: Buffer): number {
    const random = this.#random
    const last = into.length - MOST_LINE_BYTES
    let at = 0
    while (at <= last) {
      at = writeSmall(into, at, random.next() & (KEYS - 1))
      into[at++] = COMMA
      at = writeSigned(into, at, random.next(), random.next() >>> 0)
      into[at++] = LF
    }
    return at
  }
}

/** The integer `high` * 2^32 + `low`, `high` signed and `low` not. */
export function writeSigned(into: Buffer, start: number, high: number, low: number): number {
  let at = start
  let top = high
  let bottom = low
  if (top < 0) {
    into[at++] = MINUS
    bottom = -bottom >>> 0
    // Of -2^63 it is 2^31, which a double holds as well as any.
    top = bottom === 0 ? -top : ~top
  }
  // Long division by 10^9, sixteen bits at a time, so that all is exact in doubles.
  const first = Math.floor(top / BILLION)
  const second = (top - first * BILLION) * 65_536 + (bottom >>> 16)
  const secondQuotient = Math.floor(second / BILLION)
  const third = (second - secondQuotient * BILLION) * 65_536 + (bottom & 65_535)
  const thirdQuotient = Math.floor(third / BILLION)
  const rest = third - thirdQuotient * BILLION
  const billions = first * 2 ** 32 + secondQuotient * 65_536 + thirdQuotient
  if (billions === 0) return writeSmall(into, at, rest)
  if (billions < BILLION) at = writeSmall(into, at, billions)
  else {
    const high10 = Math.floor(billions / BILLION)
    into[at++] = ZERO + high10
    at = writeNine(into, at, billions - high10 * BILLION)
  }
  return writeNine(into, at, rest)
}

/** Nine digits, with zeros before them. */
function writeNine(into: Buffer, at: number, value: number): number {
  const thousands = (value / 1_000) | 0
  const millions = (thousands / 1_000) | 0
  writeThree(into, at, millions)
  writeThree(into, at + 3, thousands - 1_000 * millions)
  writeThree(into, at + 6, value - 1_000 * thousands)
  return at + 9
}

function writeThree(into: Buffer, at: number, value: number): void {
  into[at] = digits[3 * value]!
  into[at + 1] = digits[3 * value + 1]!
  into[at + 2] = digits[3 * value + 2]!
}

/** Up to nine digits, without zeros before them. */
function writeSmall(into: Buffer, start: number, value: number): number {
  let length = 1
  for (let limit = 10; length < 9 && value >= limit; limit *= 10) length++
  let left = value
  for (let at = start + length - 1; at >= start; at--) {
    const tenth = (left / 10) | 0
    into[at] = ZERO + left - 10 * tenth
    left = tenth
  }
  return start + length
}
