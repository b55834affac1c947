import { floatOf } from './key-value.ts'

/** Bytes of a key that are compared as one number: as many whole ones as a double holds exactly. */
const PREFIX_BYTES = 6

export interface LineOrderOptions {
  /** Which part of a line is its key, counted from 1; all of it without. */
  readonly field?: number | undefined
  /** Between the parts: one byte. */
  readonly separator: number
  /** By number instead of by bytes. */
  readonly numeric: boolean
  readonly reverse: boolean
}

/** In which order lines come: by their keys, where those are equal by all of their bytes. So it is total, and equal lines are the same. */
export class LineOrder {
  readonly #field: number | undefined
  readonly #separator: number
  readonly #numeric: boolean
  readonly #sign: 1 | -1

  constructor({ field, separator, numeric, reverse }: LineOrderOptions) {
    this.#field = field
    this.#separator = separator
    this.#numeric = numeric
    this.#sign = reverse ? -1 : 1
  }

  /** Whether the line has a key: a number where those are wanted. */
  takes(bytes: Buffer, start: number, end: number): boolean {
    return !this.#numeric || this.prefix(bytes, start, end) !== undefined
  }

  /** Of two lines the one with the lower prefix comes first; those with equal ones have to be compared. Undefined where a number is missing. */
  prefix(bytes: Buffer, start: number, end: number): number | undefined {
    const from = this.#keyStart(bytes, start, end)
    const to = this.#keyEnd(bytes, from, end)
    if (!this.#numeric) return this.#sign * prefixOf(bytes, from, to)
    const value = floatOf(bytes, from, to)
    return value === undefined ? undefined : this.#sign * value
  }

  /** Of lines whose prefixes are equal. */
  compare(a: Buffer, aStart: number, aEnd: number, b: Buffer, bStart: number, bEnd: number): number {
    if (!this.#numeric && this.#field !== undefined) {
      const aKey = this.#keyStart(a, aStart, aEnd)
      const bKey = this.#keyStart(b, bStart, bEnd)
      const byKey = a.compare(b, bKey, this.#keyEnd(b, bKey, bEnd), aKey, this.#keyEnd(a, aKey, aEnd))
      if (byKey !== 0) return this.#sign * byKey
    }
    return this.#sign * a.compare(b, bStart, bEnd, aStart, aEnd)
  }

  /** A line with fewer parts has an empty key. */
  #keyStart(bytes: Buffer, start: number, end: number): number {
    if (this.#field === undefined) return start
    let left = this.#field - 1
    let at = start
    for (; left > 0 && at < end; at++) if (bytes[at] === this.#separator) left--
    return left > 0 ? end : at
  }

  #keyEnd(bytes: Buffer, start: number, end: number): number {
    if (this.#field === undefined) return end
    for (let at = start; at < end; at++) if (bytes[at] === this.#separator) return at
    return end
  }
}

/** The first bytes as a number, short keys filled up with zeros. */
function prefixOf(bytes: Buffer, start: number, end: number): number {
  if (end - start >= PREFIX_BYTES) return bytes.readUIntBE(start, PREFIX_BYTES)
  let prefix = 0
  for (let at = start; at < start + PREFIX_BYTES; at++) prefix = prefix * 256 + (at < end ? bytes[at]! : 0)
  return prefix
}
