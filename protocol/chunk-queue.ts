import { type GliderError, invariant } from './errors.ts'
import type { StreamSink } from './sink.ts'

/** Bodies smaller than this are copied out of the batch they came in; larger ones are received into memory of their own. */
const OWN_MEMORY_BYTES = 4 << 10

interface Waiting {
  resolve(chunk: Buffer | undefined): void
  reject(error: GliderError): void
}

/**
 * The plain way to receive: chunks wait, within the stream's window, until they are asked for. What had come before a failure
 * is still handed out: bytes that an action wrote before it threw reach the reader.
 */
export class ChunkQueue implements StreamSink {
  readonly #chunks: Buffer[] = []
  readonly #consumed: (bytes: number) => void
  #ended = false
  #error: GliderError | undefined
  #waiting: Waiting | undefined

  /** `consumed` is told of every chunk that has been handed out. */
  constructor(consumed: (bytes: number) => void) {
    this.#consumed = consumed
  }

  async read(): Promise<Buffer | undefined> {
    const chunk = this.#chunks.shift()
    if (chunk) {
      this.#consumed(chunk.length)
      return chunk
    }
    if (this.#error) throw this.#error
    if (this.#ended) return undefined
    invariant(!this.#waiting, 'one read of a stream at a time')
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  place(bytes: number): Uint8Array | undefined {
    return bytes >= OWN_MEMORY_BYTES ? Buffer.allocUnsafeSlow(bytes) : undefined
  }

  data(body: Buffer, placed: boolean): void {
    const chunk = placed ? body : Buffer.from(body)
    const waiting = this.#takeWaiting()
    if (!waiting) {
      this.#chunks.push(chunk)
      return
    }
    this.#consumed(chunk.length)
    waiting.resolve(chunk)
  }

  end(): void {
    this.#ended = true
    this.#takeWaiting()?.resolve(undefined)
  }

  failed(error: GliderError): void {
    this.#error = error
    this.#takeWaiting()?.reject(error)
  }

  /** Everything that waits here goes to another sink, as do the end or the failure. */
  handOver(sink: StreamSink): void {
    for (const chunk of this.#chunks.splice(0)) sink.data(chunk, false)
    if (this.#error) sink.failed(this.#error)
    else if (this.#ended) sink.end()
  }

  #takeWaiting(): Waiting | undefined {
    const waiting = this.#waiting
    this.#waiting = undefined
    return waiting
  }
}
