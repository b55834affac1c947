import type { ActionReader, ActionWriter } from '../actions/store.ts'
import type { Clock } from '../protocol/clock.ts'
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
  filled: number
  readonly resolve: (bytes: number) => void
  readonly reject: (error: GliderError) => void
}

/**
 * Reads from an action without buffering: bytes that come while a read waits land in its buffer, as many as one turn of the event loop
 * brings. Always holds: reads are filled in the order in which they were asked for, only the first is filled in part, and bytes wait in
 * `#left` only while no read does.
 */
export class DirectReader implements ActionReader, StreamSink {
  readonly #stream: MuxStream
  readonly #counters: TransferCounters
  readonly #clock: Clock
  readonly #reads: PendingRead[] = []
  readonly #left: Buffer[] = []
  #scheduled = false
  /** Whether bytes are on their way into the buffer of the first read, which then stays the first. */
  #landing = false
  #ended = false
  #closed = false
  readonly #followed: Followed | undefined
  #error: GliderError | undefined

  constructor(stream: MuxStream, counters: TransferCounters, clock: Clock, followed?: Followed) {
    this.#stream = stream
    this.#counters = counters
    this.#clock = clock
    this.#followed = followed
    stream.receive(this)
  }

  read(buffer: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#closed) reject(new GliderError('INVALID_ARGUMENT', 'read after close: open another reader'))
      else if (buffer.length === 0) resolve(0)
      else if (this.#left.length > 0) resolve(this.#takeLeft(buffer))
      else if (this.#error) reject(this.#error)
      else if (this.#ended) resolve(0)
      else this.#reads.push({ buffer, filled: 0, resolve, reject })
    })
  }

  #takeLeft(buffer: Uint8Array): number {
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
    const first = this.#reads[0]
    // What does not fit behind it goes to the next.
    if (first && first.filled > 0 && first.buffer.length - first.filled < bytes) this.#answerFirst()
    const next = this.#reads[0]
    this.#landing = next !== undefined && next.buffer.length - next.filled >= bytes
    return this.#landing ? next!.buffer.subarray(next!.filled) : undefined
  }

  data(body: Buffer, placed: boolean): void {
    this.#counters.bytesReceived += body.length
    this.#landing = false
    if (placed) {
      this.#stream.consumed(body.length)
      this.#filled(body.length)
      return
    }
    let at = 0
    while (at < body.length && this.#reads.length > 0) {
      const { buffer, filled } = this.#reads[0]!
      const take = Math.min(body.length - at, buffer.length - filled)
      buffer.set(body.subarray(at, at + take), filled)
      at += take
      this.#stream.consumed(take)
      this.#filled(take)
    }
    if (at < body.length) this.#left.push(Buffer.from(body.subarray(at)))
  }

  /** So many more bytes are in the buffer of the first read. */
  #filled(bytes: number): void {
    const first = this.#reads[0]!
    first.filled += bytes
    if (first.filled === first.buffer.length) this.#answerFirst()
    else if (!this.#scheduled) {
      this.#scheduled = true
      this.#clock.soon(() => {
        this.#scheduled = false
        if (!this.#landing && this.#reads[0] && this.#reads[0].filled > 0) this.#answerFirst()
      })
    }
  }

  #answerFirst(): void {
    const { filled, resolve } = this.#reads.shift()!
    resolve(filled)
  }

  end(): void {
    this.#ended = true
    this.#followed?.done()
    for (const { filled, resolve } of this.#reads.splice(0)) resolve(filled)
  }

  failed(error: GliderError): void {
    const told = this.#followed ? (this.#followed.failed(error) as GliderError) : error
    this.#error = told
    // What has come is given before the failure is told.
    if (this.#reads[0] && this.#reads[0].filled > 0) this.#answerFirst()
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
