import { isAscii } from 'node:buffer'
import { GliderError } from '../protocol/errors.ts'

/** The longest line that is taken, in bytes without its ending. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024

const LF = 10
const CR = 13
const LF_IN_EACH_BYTE = 0x0a0a0a0a
const ONE_IN_EACH_BYTE = 0x01010101
const HIGH_BITS = 0x80808080
/** Lines are decoded in pieces of about this size: a line that is kept keeps its whole piece in memory. */
const PIECE_BYTES = 4096

/** Makes the error for a line that is too long. */
type Refuse = (message: string) => GliderError

const refuseLine: Refuse = message => new GliderError('INVALID_ARGUMENT', message)

/** The beginning of a line whose end is in a later chunk; one buffer that grows and is used again. */
class Carry {
  #buffer = Buffer.alloc(0)
  #length = 0
  readonly #refuse: Refuse

  constructor(refuse: Refuse) {
    this.#refuse = refuse
  }

  get isEmpty(): boolean {
    return this.#length === 0
  }

  append(chunk: Buffer, start: number, end: number): void {
    const length = this.#length + end - start
    // One more than a line may have: the last byte may be the CR that is dropped.
    if (length > MAX_LINE_BYTES + 1) throw tooLong(this.#refuse)
    if (length > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(256, length, Math.min(2 * length, MAX_LINE_BYTES + 1)))
      this.#buffer.copy(grown, 0, 0, this.#length)
      this.#buffer = grown
    }
    chunk.copy(this.#buffer, this.#length, start, end)
    this.#length = length
  }

  /** The whole line, lent until the next `append`. */
  take(hasEnding: boolean, fn: (bytes: Buffer, start: number, end: number) => void): void {
    const end = this.#length - (hasEnding && this.#length > 0 && this.#buffer[this.#length - 1] === CR ? 1 : 0)
    this.#length = 0
    if (end > MAX_LINE_BYTES) throw tooLong(this.#refuse)
    fn(this.#buffer, 0, end)
  }
}

/**
 * Splits chunks into lines, as ranges of bytes: at LF, one CR before it dropped; a last line without LF counts, an empty rest
 * does not. What `fn` is given is lent until it returns.
 */
export class ByteLines {
  readonly #carry: Carry
  readonly #refuse: Refuse

  constructor(refuse: Refuse = refuseLine) {
    this.#refuse = refuse
    this.#carry = new Carry(refuse)
  }

  feed(chunk: Buffer, fn: (chunk: Buffer, start: number, end: number) => void): void {
    const length = chunk.length
    let start = 0
    if (!this.#carry.isEmpty) {
      const firstEnd = chunk.indexOf(LF)
      this.#carry.append(chunk, 0, firstEnd === -1 ? length : firstEnd)
      if (firstEnd === -1) return
      start = firstEnd + 1
      this.#carry.take(true, fn)
    }
    // For short lines several times as fast as a call of indexOf for each: four bytes at a time, then the one in which the LF is.
    const view = new DataView(chunk.buffer, chunk.byteOffset, length)
    const lastWord = length - 4
    for (let at = start; at < length; ) {
      if (at <= lastWord) {
        // A byte of `others` is 0 where the chunk has an LF; the lowest high bit of `zeros` marks the first of them.
        const others = view.getInt32(at, true) ^ LF_IN_EACH_BYTE
        const zeros = (others - ONE_IN_EACH_BYTE) & ~others & HIGH_BITS
        if (zeros === 0) {
          at += 4
          continue
        }
        at += (31 - Math.clz32(zeros & -zeros)) >>> 3
      } else if (chunk[at] !== LF) {
        at++
        continue
      }
      const end = at > start && chunk[at - 1] === CR ? at - 1 : at
      if (end - start > MAX_LINE_BYTES) throw tooLong(this.#refuse)
      fn(chunk, start, end)
      start = ++at
    }
    if (start < length) this.#carry.append(chunk, start, length)
  }

  /** No chunk follows. */
  finish(fn: (chunk: Buffer, start: number, end: number) => void): void {
    if (!this.#carry.isEmpty) this.#carry.take(false, fn)
  }
}

/** What {@link ByteLines} does, or the same for some of the lines. */
export type LineSplitter = Pick<ByteLines, 'feed' | 'finish'>

/** The lines that contain some bytes, by the same rules. Looks for those in the whole chunk: where few lines do, the others cost next to nothing. */
export class LinesWith implements LineSplitter {
  readonly #needle: Buffer
  readonly #carry: Carry

  constructor(needle: Buffer, refuse: Refuse = refuseLine) {
    this.#needle = needle
    this.#carry = new Carry(refuse)
  }

  /** A line that is too long is refused where it goes over the border of a chunk, which is no longer than that. */
  feed(chunk: Buffer, fn: (chunk: Buffer, start: number, end: number) => void): void {
    const needle = this.#needle
    let start = 0
    if (!this.#carry.isEmpty) {
      const firstEnd = chunk.indexOf(LF)
      this.#carry.append(chunk, 0, firstEnd === -1 ? chunk.length : firstEnd)
      if (firstEnd === -1) return
      start = firstEnd + 1
      this.#carry.take(true, (bytes, from, to) => this.#test(bytes, from, to, fn))
    }
    const whole = Math.max(start, chunk.lastIndexOf(LF) + 1)
    while (start < whole) {
      const hit = chunk.indexOf(needle, start)
      if (hit === -1 || hit >= whole) break
      const lineStart = hit === start ? start : Math.max(start, chunk.lastIndexOf(LF, hit - 1) + 1)
      start = chunk.indexOf(LF, hit) + 1
      const end = start - 2 >= lineStart && chunk[start - 2] === CR ? start - 2 : start - 1
      if (hit + needle.length <= end) fn(chunk, lineStart, end)
    }
    if (whole < chunk.length) this.#carry.append(chunk, whole, chunk.length)
  }

  finish(fn: (chunk: Buffer, start: number, end: number) => void): void {
    if (!this.#carry.isEmpty) this.#carry.take(false, (bytes, from, to) => this.#test(bytes, from, to, fn))
  }

  #test(bytes: Buffer, start: number, end: number, fn: (chunk: Buffer, start: number, end: number) => void): void {
    if (bytes.subarray(start, end).includes(this.#needle)) fn(bytes, start, end)
  }
}

/** Splits chunks into lines as strings, by the same rules; characters survive the borders of chunks. */
export class TextLines {
  readonly #carry: Carry
  readonly #refuse: Refuse

  constructor(refuse: Refuse = refuseLine) {
    this.#refuse = refuse
    this.#carry = new Carry(refuse)
  }

  feed(chunk: Buffer, fn: (line: string) => void): void {
    const whole = chunk.lastIndexOf(LF) + 1
    let start = 0
    if (!this.#carry.isEmpty) {
      const firstEnd = whole === 0 ? -1 : chunk.indexOf(LF)
      this.#carry.append(chunk, 0, firstEnd === -1 ? chunk.length : firstEnd)
      if (firstEnd === -1) return
      start = firstEnd + 1
      this.#carry.take(true, (bytes, from, to) => fn(decode(bytes, from, to)))
    }
    while (start < whole) {
      const end = this.#pieceEnd(chunk, start, whole)
      splitPiece(decode(chunk, start, end), fn)
      start = end
    }
    if (start < chunk.length) this.#carry.append(chunk, start, chunk.length)
  }

  /** No chunk follows. */
  finish(fn: (line: string) => void): void {
    if (!this.#carry.isEmpty) this.#carry.take(false, (bytes, from, to) => fn(decode(bytes, from, to)))
  }

  /** Where a run of whole lines from `start` ends; more than a piece only for one line that is longer. */
  #pieceEnd(chunk: Buffer, start: number, whole: number): number {
    if (start + PIECE_BYTES >= whole) return whole
    const lastEnd = chunk.lastIndexOf(LF, start + PIECE_BYTES - 1)
    if (lastEnd >= start) return lastEnd + 1
    const at = chunk.indexOf(LF, start + PIECE_BYTES)
    const end = chunk[at - 1] === CR ? at - 1 : at
    if (end - start > MAX_LINE_BYTES) throw tooLong(this.#refuse)
    return at + 1
  }
}

/** `piece` ends in LF. */
function splitPiece(piece: string, fn: (line: string) => void): void {
  let start = 0
  for (let at = piece.indexOf('\n'); at !== -1; at = piece.indexOf('\n', start)) {
    fn(piece.slice(start, at > start && piece.charCodeAt(at - 1) === CR ? at - 1 : at))
    start = at + 1
  }
}

/** Text of ASCII alone, as most is, decodes several times as fast when taken for latin1. */
function decode(bytes: Buffer, start: number, end: number): string {
  return isAscii(bytes.subarray(start, end)) ? bytes.toString('latin1', start, end) : bytes.toString('utf8', start, end)
}

function tooLong(refuse: Refuse): GliderError {
  return refuse(`a line is longer than ${MAX_LINE_BYTES} bytes (16 MiB); read it with forEachChunk`)
}
