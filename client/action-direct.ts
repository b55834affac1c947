import type { ActionReader, ActionWriter } from '../actions/store.ts'
import { GliderError } from '../protocol/errors.ts'
import type { MuxStream, StreamSink } from '../protocol/stream.ts'
import type { TransferCounters } from './counters.ts'
import type { Followed } from './tracing.ts'

/** Writes into an action without buffering. */
export class DirectWriter implements ActionWriter {
  readonly #stream: MuxStream
  readonly #counters: TransferCounters
  readonly #followed: Followed | undefined
  #closing: Promise<void> | undefined

  constructor(stream: MuxStream, counters: TransferCounters, followed?: Followed) {
    this.#stream = stream
    this.#counters = counters
    this.#followed = followed
    if (followed) stream.signal.addEventListener('abort', () => void followed.failed(stream.signal.reason))
  }

  async write(buffer: Uint8Array): Promise<void> {
    if (this.#closing) throw new GliderError('INVALID_ARGUMENT', 'write after close: open another writer')
    const taken = this.#stream.writeTaken(buffer)
    await (this.#followed ? this.#followed.begun(taken) : taken)
    this.#counters.bytesSent += buffer.length
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const ended = this.#stream.end()
    await (this.#followed ? this.#followed.during(ended) : ended)
  }

  abort(reason?: unknown): void {
    this.#stream.reset(left(reason))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

interface PendingRead {
  readonly buffer: Uint8Array
  readonly resolve: (bytes: number) => void
  readonly reject: (error: GliderError) => void
}

/**
 * Reads from an action without buffering: bytes that come while a read waits land in its buffer. Always holds: reads are
 * filled in the order in which they were asked for, and bytes wait in `#left` only while no read does.
 */
export class DirectReader implements ActionReader, StreamSink {
  readonly #stream: MuxStream
  readonly #counters: TransferCounters
  readonly #reads: PendingRead[] = []
  readonly #left: Buffer[] = []
  #ended = false
  #closed = false
  readonly #followed: Followed | undefined
  #error: GliderError | undefined

  constructor(stream: MuxStream, counters: TransferCounters, followed?: Followed) {
    this.#stream = stream
    this.#counters = counters
    this.#followed = followed
    stream.receive(this)
  }

  read(buffer: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#closed) reject(new GliderError('INVALID_ARGUMENT', 'read after close: open another reader'))
      else if (buffer.length === 0) resolve(0)
      else if (this.#left.length > 0) resolve(this.#fillFromLeft(buffer))
      else if (this.#error) reject(this.#error)
      else if (this.#ended) resolve(0)
      else this.#reads.push({ buffer, resolve, reject })
    })
  }

  #fillFromLeft(buffer: Uint8Array): number {
    let filled = 0
    while (filled < buffer.length && this.#left.length > 0) {
      const chunk = this.#left[0]!
      const take = Math.min(chunk.length, buffer.length - filled)
      buffer.set(chunk.subarray(0, take), filled)
      filled += take
      if (take === chunk.length) this.#left.shift()
      else this.#left[0] = chunk.subarray(take)
    }
    this.#stream.consumed(filled)
    return filled
  }

  place(bytes: number): Uint8Array | undefined {
    const next = this.#reads[0]
    return next && next.buffer.length >= bytes ? next.buffer : undefined
  }

  data(body: Buffer, placed: boolean): void {
    this.#counters.bytesReceived += body.length
    if (placed) {
      this.#stream.consumed(body.length)
      this.#reads.shift()!.resolve(body.length)
      return
    }
    this.#left.push(Buffer.from(body))
    while (this.#reads.length > 0 && this.#left.length > 0) {
      const { buffer, resolve } = this.#reads.shift()!
      resolve(this.#fillFromLeft(buffer))
    }
  }

  end(): void {
    this.#ended = true
    this.#followed?.done()
    for (const { resolve } of this.#reads.splice(0)) resolve(0)
  }

  failed(error: GliderError): void {
    const told = this.#followed ? (this.#followed.failed(error) as GliderError) : error
    this.#error = told
    for (const { reject } of this.#reads.splice(0)) reject(told)
  }

  async close(): Promise<void> {
    if (!this.#ended && !this.#error) this.abort()
    this.#closed = true
  }

  abort(reason?: unknown): void {
    this.#stream.reset(left(reason))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function left(reason: unknown): GliderError {
  const why = reason === undefined ? '' : `: ${GliderError.from(reason).message}`
  return new GliderError('CANCELLED', `the other side left before the end${why}`)
}
