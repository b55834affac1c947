import type { ChunkSource, LentChunk } from '../../actions/source.ts'
import type { GliderError } from '../../protocol/errors.ts'
import type { Outbox } from '../messages.ts'

/** Consumed bytes are told at once when so many have gathered, so that a hook that never leaves its turn still gets credit. */
const TELL_BYTES = 512 << 10

/** The bytes of one write stream, as they come from the network thread. */
export class ThreadSource implements ChunkSource {
  readonly #stream: number
  readonly #outbox: Outbox
  readonly #chunks: LentChunk[] = []
  #next = 0
  #untold = 0
  #ended = false
  #error: GliderError | undefined
  #closed = false
  #waiting: { resolve(chunk: LentChunk | undefined): void; reject(error: GliderError): void } | undefined

  constructor(stream: number, outbox: Outbox) {
    this.#stream = stream
    this.#outbox = outbox
  }

  next(): LentChunk | undefined | Promise<LentChunk | undefined> {
    if (this.#next < this.#chunks.length) {
      const chunk = this.#chunks[this.#next++]!
      if (this.#next === this.#chunks.length) {
        this.#chunks.length = 0
        this.#next = 0
      }
      return chunk
    }
    if (this.#error) return Promise.reject(this.#error)
    if (this.#ended) return undefined
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  keeps(): void {
    this.#outbox.keeps(this.#stream)
  }

  /** `slab` is −1 for bytes that lie in a buffer of their own. */
  arrived(bytes: Buffer, slab: number): void {
    const chunk: LentChunk = { bytes, isOwn: slab < 0, release: () => this.#release(slab, bytes.length) }
    if (this.#closed) {
      chunk.release()
      return
    }
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting) waiting.resolve(chunk)
    else this.#chunks.push(chunk)
  }

  #release(slab: number, length: number): void {
    this.#outbox.free(this.#stream, slab, length)
    this.#untold += length
    if (this.#untold < TELL_BYTES) return
    this.#untold = 0
    this.#outbox.flush()
  }

  ended(): void {
    this.#ended = true
    this.#waiting?.resolve(undefined)
    this.#waiting = undefined
  }

  failed(error: GliderError): void {
    this.#error = error
    this.#dropAll()
    this.#waiting?.reject(error)
    this.#waiting = undefined
  }

  /** Nobody reads any more: what is here, and what still comes, is given back. */
  close(): void {
    this.#closed = true
    this.#dropAll()
  }

  #dropAll(): void {
    for (const chunk of this.#chunks.splice(this.#next)) chunk.release()
    this.#chunks.length = 0
    this.#next = 0
  }
}
