import { BILLION, type Fold, WIDE_BILLIONS } from './fold.ts'

const COMMA = 44
const PLUS = 43
const MINUS = 45
const DOT = 46
const ZERO = 48
/** So many decimal digits are always exact in a double. */
const EXACT_DIGITS = 15
/** What a value has beside its billions. */
const REST_DIGITS = 9
/** Of a 64-bit integer. */
const MOST_DIGITS = 19
const MOST_BILLIONS = 9_223_372_036
const MOST_REST = 854_775_807
/** Of the text of a double. */
const MAX_FLOAT_BYTES = 400

/** Takes a line `key,value` into a fold; answers whether it was one. The value stands behind the last comma, so keys may hold others. */
export type TakeLine = (fold: Fold, chunk: Buffer, start: number, end: number) => boolean

/**
 * Lines `key,integer`, the integer signed and of 64 bits. Its digits are read from the end, so it needs no second look at the line,
 * and the lowest nine apart from those above, so that both are exact without a BigInt.
 */
export function takeInteger(fold: Fold, chunk: Buffer, start: number, end: number): boolean {
  let at = end - 1
  let rest = 0
  let scale = 1
  for (const last = Math.max(start, end - REST_DIGITS); at >= last; at--) {
    const digit = chunk[at]! - ZERO
    if (digit < 0 || digit > 9) break
    rest += digit * scale
    scale *= 10
  }
  if (at === end - 1) return false
  let billions = 0
  if (at === end - 1 - REST_DIGITS) {
    scale = 1
    for (const last = Math.max(start, end - MOST_DIGITS); at >= last; at--) {
      const digit = chunk[at]! - ZERO
      if (digit < 0 || digit > 9) break
      billions += digit * scale
      scale *= 10
    }
    while (at >= start && chunk[at] === ZERO) at--
  }
  if (at < start) return false
  const sign = chunk[at]
  const comma = sign === MINUS || sign === PLUS ? at - 1 : at
  if (comma < start || chunk[comma] !== COMMA) return false
  const negative = sign === MINUS
  if (billions < WIDE_BILLIONS) {
    const value = billions * BILLION + rest
    fold.add(chunk, start, comma, negative ? -value : value)
    return true
  }
  if (billions > MOST_BILLIONS || (billions === MOST_BILLIONS && rest > MOST_REST + (negative ? 1 : 0))) return false
  if (negative) fold.addWide(chunk, start, comma, -billions, -rest)
  else fold.addWide(chunk, start, comma, billions, rest)
  return true
}

/** Lines `key,number`, the number as JSON or a program writes it; not infinite. */
export function takeFloat(fold: Fold, chunk: Buffer, start: number, end: number): boolean {
  const comma = lastComma(chunk, start, end)
  if (comma === -1) return false
  const value = floatOf(chunk, comma + 1, end)
  if (value === undefined) return false
  fold.add(chunk, start, comma, value)
  return true
}

/** Counts a line by what stands before its last comma, or as a whole where it has none. */
export function takeOne(fold: Fold, chunk: Buffer, start: number, end: number): boolean {
  const comma = lastComma(chunk, start, end)
  fold.add(chunk, start, comma === -1 ? end : comma, 1)
  return true
}

/** Where in the line it is, -1 where there is none. lastIndexOf would look through the lines before as well. */
export function lastComma(chunk: Buffer, start: number, end: number): number {
  for (let at = end - 1; at >= start; at--) if (chunk[at] === COMMA) return at
  return -1
}

/** The number that is written there, undefined where there is none, or one beyond a double. */
export function floatOf(chunk: Buffer, start: number, end: number): number | undefined {
  const sign = chunk[start]
  const first = start < end && (sign === MINUS || sign === PLUS) ? start + 1 : start
  let value = 0
  let digits = 0
  let dot = -1
  for (let at = first; at < end; at++) {
    const digit = chunk[at]! - ZERO
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit
      digits++
    } else if (chunk[at] === DOT && dot === -1) dot = at
    else return parsed(chunk, start, end)
  }
  if (digits === 0) return undefined
  if (digits > EXACT_DIGITS) return parsed(chunk, start, end)
  // Both are exact, so their quotient is the double that is nearest to what was written.
  if (dot !== -1) value /= 10 ** (end - 1 - dot)
  return sign === MINUS ? -value : value
}

function parsed(chunk: Buffer, start: number, end: number): number | undefined {
  if (end - start > MAX_FLOAT_BYTES) return undefined
  const text = chunk.toString('latin1', start, end)
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return undefined
  const value = Number(text)
  return Number.isFinite(value) ? value : undefined
}

/** What is told of a line that is none. */
export function badLine(wanted: string, chunk: Buffer, start: number, end: number, line: number): Error {
  const shown = JSON.stringify(chunk.toString('utf8', start, Math.min(end, start + 80)))
  return new Error(`line ${line} is not ${wanted}: ${shown}${end - start > 80 ? '…' : ''}`)
}
