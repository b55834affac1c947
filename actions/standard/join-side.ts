import { GliderError } from '../../protocol/errors.ts'
import { enlarged, KeyIndex } from './key-index.ts'
import { LineBatch } from './line-batch.ts'

/** What a record takes beside its bytes. */
const COST_OF_RECORD = 24

/** The records of one side of a join, findable by key: those with one key are a chain, the newest first. Records are only ever added. */
export class JoinSide {
  readonly #separator: number
  readonly #limit: number
  readonly keys: KeyIndex
  readonly records = new LineBatch()
  /** By key: its newest record. */
  #newest = new Int32Array(0)
  /** By record: the next older one with its key, or -1. */
  #older = new Int32Array(0)

  constructor(separator: number, limit: number) {
    this.#separator = separator
    this.#limit = limit
    this.keys = new KeyIndex(limit)
  }

  get cost(): number {
    return this.keys.cost + this.records.length + this.records.lines * COST_OF_RECORD
  }

  /** Throws where that were too much. */
  assertRoomFor(other: JoinSide | undefined): void {
    if (this.cost + (other?.cost ?? 0) <= this.#limit) return
    throw new GliderError(
      'NO_SPACE',
      `this side of the join would take more than ${this.#limit} bytes of memory: raise params.maxBytes, or split the join by key over several actions`,
    )
  }

  add(chunk: Buffer, start: number, end: number): void {
    const record = this.records.lines
    this.records.add(chunk, start, end)
    if (record >= this.#older.length) this.#older = enlarged(this.#older, new Int32Array(Math.max(64, 2 * record)))
    const known = this.keys.size
    const key = this.keys.add(chunk, start, keyEnd(chunk, start, end, this.#separator))
    if (key >= this.#newest.length) this.#newest = enlarged(this.#newest, new Int32Array(this.keys.capacity))
    this.#older[record] = key === known ? -1 : this.#newest[key]!
    this.#newest[key] = record
  }

  addAll({ records }: JoinSide): void {
    for (let record = 0; record < records.lines; record++) this.add(records.bytes, records.start(record), records.end(record))
  }

  /** The newest record of the key `bytes` from `start` to `end`, -1 where there is none. */
  newest(bytes: Buffer, start: number, end: number): number {
    const key = this.keys.find(bytes, start, end)
    return key === -1 ? -1 : this.#newest[key]!
  }

  /** The next older record with the same key, -1 behind the last. */
  older(record: number): number {
    return this.#older[record]!
  }
}

/** Where the key of a record ends: at its first separator. */
export function keyEnd(chunk: Buffer, start: number, end: number, separator: number): number {
  for (let at = start; at < end; at++) if (chunk[at] === separator) return at
  return end
}
