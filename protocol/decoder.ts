import { GliderError, invariant } from './errors.ts'
import { describeFrame, type FrameHeader, HEADER_BYTES, headerDefect, readHeader } from './frame.ts'

/** Instead of a place: the body is not wanted, and is passed over as it comes. */
export const dropped = 'dropped'

/** Where a body lands; undefined where it is wanted, wherever it lies. */
export type Landing = Uint8Array | typeof dropped | undefined

/** What is told of the frames that arrive. The header object, the head and a body that was not placed are lent until return. */
export interface FrameReceiver {
  /** Asked once a frame's head is there and its body is to come: where shall it land? */
  place(header: FrameHeader, head: Buffer): Landing
  /** A whole frame. `placed` tells whether the body lies where `place` said; one that was dropped is empty. */
  frame(header: FrameHeader, head: Buffer, body: Buffer, placed: boolean): void
}

/** A body with at least this much to come is received straight into its place; less is quicker copied out of a batch of frames. */
const DIRECT_BYTES = 16 << 10
const EMPTY = Buffer.alloc(0)

/**
 * Turns bytes, cut anywhere, into frames. Always holds: of every frame at most one is kept here, in part, and no memory is
 * taken for one before its header has been found sound.
 *
 * Two ways in: `push` takes bytes that have arrived somewhere; where `landing` answers memory, the next bytes may be received
 * straight into it and are then told by `landed`.
 */
export class FrameDecoder {
  readonly #receiver: FrameReceiver
  readonly #header: FrameHeader = { kind: 1, operation: 0, id: 0, headBytes: 0, bodyBytes: 0 }
  readonly #headerBytes = Buffer.allocUnsafeSlow(HEADER_BYTES)
  #headerFilled = 0
  #head: Buffer = EMPTY
  #headFilled = 0
  /** Set while a body is being received. */
  #body: Buffer | undefined
  #bodyFilled = 0
  /** What is still to come of a body that is not wanted. */
  #dropping = 0
  #placed = false
  #stopped = false

  constructor(receiver: FrameReceiver) {
    this.#receiver = receiver
  }

  /** Nothing more is decoded: what still arrives is dropped. */
  stop(): void {
    this.#stopped = true
    this.#body = undefined
  }

  /** Where the next bytes belong, if that is worth a read of its own. */
  landing(): Uint8Array | undefined {
    if (!this.#body || this.#stopped) return undefined
    const rest = this.#header.bodyBytes - this.#bodyFilled
    return rest >= DIRECT_BYTES ? this.#body.subarray(this.#bodyFilled, this.#header.bodyBytes) : undefined
  }

  landed(bytes: number): void {
    if (this.#stopped) return
    this.#bodyFilled += bytes
    if (this.#bodyFilled === this.#header.bodyBytes) this.#finishBody()
  }

  /** @throws GliderError PROTOCOL_ERROR, after which nothing more may be pushed */
  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length && !this.#stopped) {
      if (this.#body) at = this.#fillBody(chunk, at)
      else if (this.#dropping > 0) at = this.#drop(chunk, at)
      else if (this.#headerFilled === 0 && chunk.length - at >= HEADER_BYTES) {
        readHeader(chunk, at, this.#header)
        at = this.#begin(chunk, at + HEADER_BYTES)
      } else if (this.#headerFilled < HEADER_BYTES) at = this.#fillHeader(chunk, at)
      else at = this.#fillHead(chunk, at)
    }
  }

  #fillHeader(chunk: Buffer, at: number): number {
    const take = Math.min(HEADER_BYTES - this.#headerFilled, chunk.length - at)
    chunk.copy(this.#headerBytes, this.#headerFilled, at, at + take)
    this.#headerFilled += take
    if (this.#headerFilled < HEADER_BYTES) return at + take
    readHeader(this.#headerBytes, 0, this.#header)
    return this.#begin(chunk, at + take)
  }

  /** The header is read; `at` is where the head begins. */
  #begin(chunk: Buffer, at: number): number {
    const header = this.#header
    const defect = headerDefect(header)
    if (defect) throw new GliderError('PROTOCOL_ERROR', `${defect} (${describeFrame(header)})`)
    if (chunk.length - at < header.headBytes) {
      this.#headerFilled = HEADER_BYTES
      this.#head = Buffer.allocUnsafe(header.headBytes)
      this.#headFilled = 0
      return this.#fillHead(chunk, at)
    }
    const head = header.headBytes === 0 ? EMPTY : chunk.subarray(at, at + header.headBytes)
    return this.#beginBody(head, chunk, at + header.headBytes)
  }

  #fillHead(chunk: Buffer, at: number): number {
    const take = Math.min(this.#header.headBytes - this.#headFilled, chunk.length - at)
    chunk.copy(this.#head, this.#headFilled, at, at + take)
    this.#headFilled += take
    if (this.#headFilled < this.#header.headBytes) return at + take
    return this.#beginBody(this.#head, chunk, at + take)
  }

  #beginBody(head: Buffer, chunk: Buffer, at: number): number {
    const { bodyBytes } = this.#header
    this.#headerFilled = 0
    if (bodyBytes === 0) {
      this.#receiver.frame(this.#header, head, EMPTY, false)
      return at
    }
    const place = this.#receiver.place(this.#header, head)
    if (place === dropped) {
      this.#keepHead(head)
      this.#dropping = bodyBytes
      return this.#drop(chunk, at)
    }
    invariant(!place || place.length >= bodyBytes, 'a body has a place that it fits into')
    const end = at + bodyBytes
    if (end <= chunk.length) {
      const body = chunk.subarray(at, end)
      if (place) place.set(body)
      this.#receiver.frame(this.#header, head, place ? asBuffer(place, bodyBytes) : body, place !== undefined)
      return end
    }
    this.#placed = place !== undefined
    this.#body = place ? asBuffer(place, bodyBytes) : Buffer.allocUnsafeSlow(bodyBytes)
    this.#bodyFilled = 0
    this.#keepHead(head)
    return this.#fillBody(chunk, at)
  }

  /** The chunk is lent to one call only, and the body may end in a later one. */
  #keepHead(head: Buffer): void {
    if (head !== this.#head) this.#head = Buffer.from(head)
  }

  #drop(chunk: Buffer, at: number): number {
    const take = Math.min(this.#dropping, chunk.length - at)
    this.#dropping -= take
    if (this.#dropping > 0) return at + take
    const head = this.#head
    this.#head = EMPTY
    this.#receiver.frame(this.#header, head, EMPTY, false)
    return at + take
  }

  #fillBody(chunk: Buffer, at: number): number {
    const body = this.#body!
    const take = Math.min(this.#header.bodyBytes - this.#bodyFilled, chunk.length - at)
    body.set(take === chunk.length ? chunk : chunk.subarray(at, at + take), this.#bodyFilled)
    this.#bodyFilled += take
    if (this.#bodyFilled === this.#header.bodyBytes) this.#finishBody()
    return at + take
  }

  #finishBody(): void {
    const body = this.#body!
    const head = this.#head
    this.#body = undefined
    this.#head = EMPTY
    this.#receiver.frame(this.#header, head, body, this.#placed)
  }
}

function asBuffer(memory: Uint8Array, length: number): Buffer {
  if (memory instanceof Buffer && memory.length === length) return memory
  return Buffer.from(memory.buffer, memory.byteOffset, length)
}
