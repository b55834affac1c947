import { Action } from '../action.ts'
import type { ActionInput } from '../input.ts'
import type { ActionOutput } from '../output.ts'
import { Sums } from './sums.ts'

const COMMA = 44
const PLUS = 43
const MINUS = 45
const ZERO = 48
const NINE = 57
/** So many decimal digits always fit a 32-bit integer. */
const INT_DIGITS = 9
const INT_SCALE = 10 ** INT_DIGITS
/** So many decimal digits are always exact in a double. */
const EXACT_DIGITS = 15
/** More than a 64-bit integer has, for leading zeros; BigInt takes long over very many. */
const MAX_DIGITS = 100
const OUTPUT_BYTES = 64 * 1024

/**
 * Sums by key, as a reducer does: takes lines `key,value` with signed 64-bit integers, adds with wrap-around, gives
 * `key,sum` per key in any order. The value stands behind the last comma. A stream counts as a whole or, if it fails, not at all.
 */
export class Merge extends Action {
  static override readonly calls = ['size']
  readonly #sums = new Sums()

  override async onWrite(input: ActionInput): Promise<void> {
    const staged = new Sums()
    let line = 0
    await input.forEachLineBytes((chunk, start, end) => {
      line++
      if (!addLine(staged, chunk, start, end)) throw badLine(chunk, start, end, line)
    })
    this.#sums.addAll(staged)
  }

  override async onRead(output: ActionOutput): Promise<void> {
    for (const lines of this.#sums.lines(OUTPUT_BYTES)) await output.write(lines)
  }

  /** How many keys there are. */
  size(): number {
    return this.#sums.size
  }
}

/** Whether it was `key,integer`. The digits are found from the end, so the comma is the last one and keys may hold others. */
function addLine(sums: Sums, chunk: Buffer, start: number, end: number): boolean {
  let at = end - 1
  while (at >= start && chunk[at]! >= ZERO && chunk[at]! <= NINE) at--
  const digits = end - 1 - at
  if (digits === 0 || at < start) return false
  const sign = chunk[at]
  const comma = sign === MINUS || sign === PLUS ? at - 1 : at
  if (comma < start || chunk[comma] !== COMMA) return false
  if (digits <= EXACT_DIGITS) {
    const split = Math.max(at + 1, end - INT_DIGITS)
    const value = digitsOf(chunk, at + 1, split) * INT_SCALE + digitsOf(chunk, split, end)
    sums.add(chunk, start, comma, sign === MINUS ? -value : value)
    return true
  }
  if (digits > MAX_DIGITS) return false
  const text = chunk.toString('latin1', end - digits, end)
  const big = sign === MINUS ? -BigInt(text) : BigInt(text)
  if (big !== BigInt.asIntN(64, big)) return false
  sums.addBig(chunk, start, comma, big)
  return true
}

/** At most INT_DIGITS digits, so that it stays within 32 bits. */
function digitsOf(chunk: Buffer, start: number, end: number): number {
  let value = 0
  for (let at = start; at < end; at++) value = (Math.imul(value, 10) + chunk[at]! - ZERO) | 0
  return value
}

function badLine(chunk: Buffer, start: number, end: number, line: number): Error {
  const shown = JSON.stringify(chunk.toString('utf8', start, Math.min(end, start + 80)))
  return new Error(`line ${line} is not "key,value" with a signed 64-bit integer: ${shown}${end - start > 80 ? '…' : ''}`)
}
