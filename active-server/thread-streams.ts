import { GliderError } from '../protocol/errors.ts'
import type { MuxStream, StreamSink } from '../protocol/stream.ts'
import type { Outbox } from './messages.ts'
import { fillRegion, LENT_MEMORY, OWN_BUFFER, type Region, regionBytes, type SharedArena } from './shared-arena.ts'

/** Smaller bodies come copied out of a batch of frames; larger ones are received straight into shared memory. */
const DIRECT_BYTES = 16 << 10
/** The thread is told of bytes that have left when there are so many, or no more are on the way: each telling wakes it. */
const TELL_BYTES = 1 << 20

/** Copies bytes for a stream to where its thread sees them. */
export function sendCopy(bytes: Buffer, stream: number, outbox: Outbox, arena: SharedArena): void {
  if (bytes.length === 0) return
  const region = arena.allocate(bytes.length)
  if (region) {
    fillRegion(arena.memory, region, bytes)
    outbox.bytes(stream, region.slab, region.offset, bytes.length)
    return
  }
  const own = new ArrayBuffer(bytes.length)
  new Uint8Array(own).set(bytes)
  outbox.owned(stream, own)
}

/**
 * Takes the bytes of one write stream to its thread. Large bodies land in memory that the thread shares; where none is free
 * (many streams wait for their turn), bytes go in a buffer of their own.
 */
export class StreamToThread implements StreamSink {
  readonly #stream: MuxStream
  readonly #number: number
  readonly #outbox: Outbox
  readonly #arena: SharedArena
  /** Where the body that is being received lands: in shared memory, or in a buffer that goes over. */
  #landing: Region | undefined
  #own: Buffer | undefined
  #keeps = false

  constructor(stream: MuxStream, number: number, outbox: Outbox, arena: SharedArena) {
    this.#stream = stream
    this.#number = number
    this.#outbox = outbox
    this.#arena = arena
  }

  place(bytes: number): Uint8Array | undefined {
    if (bytes < DIRECT_BYTES) return undefined
    if (this.#keeps) {
      this.#own = Buffer.allocUnsafeSlow(bytes)
      return this.#own
    }
    this.#landing = this.#arena.allocate(bytes)
    return this.#landing && regionBytes(this.#arena.memory, this.#landing.slab, this.#landing.offset, bytes)
  }

  data(body: Buffer, placed: boolean): void {
    const landing = this.#landing
    const own = this.#own
    this.#landing = undefined
    this.#own = undefined
    if (placed && own) this.#outbox.owned(this.#number, own.buffer as ArrayBuffer)
    else if (placed && landing) this.#outbox.bytes(this.#number, landing.slab, landing.offset, body.length)
    else sendCopy(body, this.#number, this.#outbox, this.#arena)
  }

  /** From now on the hook keeps its chunks. */
  keep(): void {
    this.#keeps = true
  }

  end(): void {
    this.#outbox.end(this.#number)
  }

  failed(error: GliderError): void {
    if (this.#landing) this.#arena.release(this.#landing.slab)
    this.#landing = undefined
    this.#outbox.message({ type: 'abortStream', stream: this.#number, error: error.toWire() })
  }

  /** The thread no longer needs so many bytes. */
  freed(slab: number, bytes: number): void {
    if (slab >= 0) this.#arena.release(slab)
    this.#stream.consumed(bytes)
  }
}

/** Sends the bytes of one read stream out of memory that the thread shares. */
export class StreamFromThread {
  readonly #stream: MuxStream
  readonly #number: number
  readonly #outbox: Outbox
  readonly #memory: SharedArrayBuffer
  #onTheWay = 0
  /** What has left, and the thread does not know of yet. */
  readonly #left: { readonly slab: number; readonly length: number }[] = []
  #leftBytes = 0

  constructor(stream: MuxStream, number: number, outbox: Outbox, memory: SharedArrayBuffer) {
    this.#stream = stream
    this.#number = number
    this.#outbox = outbox
    this.#memory = memory
    const gone = (): void => {
      const reason = GliderError.from(stream.signal.reason, 'CANCELLED')
      outbox.message({ type: 'abortStream', stream: number, error: reason.toWire() })
    }
    stream.signal.addEventListener('abort', gone, { once: true })
    if (stream.signal.aborted) gone()
  }

  send(slab: number, offset: number, length: number): void {
    this.#send(regionBytes(this.#memory, slab, offset, length), slab)
  }

  sendOwned(memory: ArrayBuffer): void {
    this.#send(Buffer.from(memory), OWN_BUFFER)
  }

  sendLent(memory: SharedArrayBuffer, offset: number, length: number): void {
    this.#send(Buffer.from(memory, offset, length), LENT_MEMORY)
  }

  #send(bytes: Buffer, slab: number): void {
    const { length } = bytes
    this.#onTheWay += length
    const left = (): void => {
      this.#onTheWay -= length
      this.#left.push({ slab, length })
      this.#leftBytes += length
      if (this.#onTheWay === 0 || this.#leftBytes >= TELL_BYTES) this.#tell()
    }
    // Bytes for a reader who has gone are given back like those that left; the thread hears of it by itself.
    this.#stream.send(bytes, left, left)
  }

  #tell(): void {
    for (const { slab, length } of this.#left) this.#outbox.free(this.#number, slab, length)
    this.#left.length = 0
    this.#leftBytes = 0
  }
}
