import { Random32 } from '../random.ts'

/** As gensort makes them with ASCII keys, but that the last byte alone ends the line. */
export const RECORD_BYTES = 100
const KEY_BYTES = 10
/** Of a key that is compared as one number: as many whole ones as a double holds exactly. */
const PREFIX_BYTES = 6
/** From space to tilde. */
const FIRST_LETTER = 32
const LETTERS = 95
const HEX_AT = KEY_BYTES + 2
const HEX_DIGITS = 32
const FILLER_AT = HEX_AT + HEX_DIGITS + 2
const LF = 10
const WORDS = RECORD_BYTES / 4

/** Records of one worker: ten random letters, the number of the record in hexadecimal digits, and a filler. */
export class Records {
  readonly #random: Random32
  readonly #prefix: string
  #number = 0

  /** @param worker stands before the number of each record */
  constructor(worker: number) {
    this.#random = new Random32(worker)
    this.#prefix = worker
      .toString(16)
      .toUpperCase()
      .padStart(HEX_DIGITS / 2, '0')
  }

  /** Fills a buffer with whole records. */
  fill(into: Buffer): void {
    for (let at = 0; at < into.length; at += RECORD_BYTES) {
      into.fill(' ', at, at + FILLER_AT)
      for (let letter = 0; letter < KEY_BYTES; letter++) {
        into[at + letter] = FIRST_LETTER + ((this.#random.next() >>> 0) % LETTERS)
      }
      const digits = this.#number.toString(16).toUpperCase()
      into.write(this.#prefix + digits.padStart(HEX_DIGITS / 2, '0'), at + HEX_AT, 'latin1')
      into.fill(65 + (this.#number % 26), at + FILLER_AT, at + RECORD_BYTES - 1)
      into[at + RECORD_BYTES - 1] = LF
      this.#number++
    }
  }
}

/** The beginning of a record's key: records are in the order of these, or their keys begin alike. */
export function prefixOf(bytes: Buffer, at: number): number {
  return bytes.readUIntBE(at, PREFIX_BYTES)
}

/** Borders that divide what the sample stands for into so many equal ranges. */
export function bordersOf(sample: readonly number[], ranges: number): number[] {
  const sorted = sample.toSorted((a, b) => a - b)
  return Array.from({ length: ranges - 1 }, (_, range) => sorted[Math.floor(((range + 1) * sorted.length) / ranges)]!)
}

/**
 * What has been seen of records: how many, a sum over all of them that does not depend on their order, and whether each came at or
 * behind the one before.
 */
export class RecordDigest {
  #count = 0
  #low = 0
  #high = 0
  #ordered = true
  readonly #last = Buffer.alloc(KEY_BYTES)

  add(records: Buffer): void {
    const view = new DataView(records.buffer, records.byteOffset, records.length)
    for (let at = 0; at < records.length; at += RECORD_BYTES) {
      let low = 0x811c9dc5
      let high = 0x9e3779b9 | 0
      for (let word = 0; word < WORDS; word++) {
        const bits = view.getInt32(at + 4 * word, true)
        low = Math.imul(low ^ bits, 0x01000193)
        low ^= low >>> 15
        high = Math.imul(high + bits, 0x85ebca6b)
        high ^= high >>> 13
      }
      this.#low = (this.#low + low) | 0
      this.#high = (this.#high + high) | 0
      this.#count++
      if (this.#last.compare(records, at, at + KEY_BYTES) > 0) this.#ordered = false
      records.copy(this.#last, 0, at, at + KEY_BYTES)
    }
  }

  get ordered(): boolean {
    return this.#ordered
  }

  /** The same for the same records in any order. */
  get multiset(): string {
    return `${this.#count} records, checksum ${hex(this.#high)}${hex(this.#low)}`
  }
}

function hex(bits: number): string {
  return (bits >>> 0).toString(16).padStart(8, '0')
}
