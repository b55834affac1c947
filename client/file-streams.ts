import { Readable, Writable } from 'node:stream'
import type { CallOptions, FileReadStreamOptions, FileWriteStream, FileWriteStreamOptions } from '../actions/store.ts'
import { GliderError } from '../protocol/errors.ts'
import type { ClientContext, Target } from './context.ts'
import { FileSink } from './file-sink.ts'
import { FileSource } from './file-source.ts'
import { cancelledError } from './waiting.ts'

/** Bytes of one operation of a buffered stream, and how many of them are under way. */
const CHUNK_BYTES = 512 << 10
const IN_FLIGHT = 6

type Done = (error?: Error | null) => void

/** @throws GliderError INVALID_ARGUMENT where the range makes no sense */
export function fileReadStream(context: ClientContext, target: Target, options: FileReadStreamOptions = {}): Readable {
  const { start = 0, end = Number.POSITIVE_INFINITY } = options
  return new FileReader(context, target, start, end, options)
}

/** Keeps several reads under way, and hands their bytes out in order. */
class FileReader extends Readable {
  readonly #context: ClientContext
  readonly #target: Target
  readonly #options: CallOptions
  readonly #underWay: Promise<Buffer>[] = []
  readonly #abort = new AbortController()
  #source: FileSource | undefined
  #next: number
  #last: number
  #pushing = false

  constructor(context: ClientContext, target: Target, start: number, end: number, options: FileReadStreamOptions) {
    super({ highWaterMark: CHUNK_BYTES })
    this.#context = context
    this.#target = target
    this.#next = start
    this.#last = end
    this.#options = { signal: this.#abort.signal }
    abortWith(this, options.signal, this.#abort)
  }

  override _construct(done: Done): void {
    opened(this, this.#open(), done)
  }

  async #open(): Promise<void> {
    for (const [name, value] of [
      ['start', this.#next],
      ['end', this.#last],
    ] as const) {
      if (value !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(value) && value >= 0)) {
        throw new GliderError('INVALID_ARGUMENT', `${name} is ${value}: it has to be a whole number from 0`)
      }
    }
    if (this.#next > this.#last) throw new GliderError('INVALID_ARGUMENT', `start (${this.#next}) is beyond end (${this.#last})`)
    this.#source = await FileSource.open(this.#context, this.#target, this.#next, this.#options)
    this.#context.counters.transfers++
    this.#last = Math.min(this.#last, this.#source.size - 1)
  }

  override _read(): void {
    if (!this.#pushing) this.#push().catch((error: Error) => this.destroy(error))
  }

  async #push(): Promise<void> {
    this.#pushing = true
    try {
      for (let wanted = true; wanted && !this.destroyed; ) {
        this.#readAhead()
        const next = this.#underWay.shift()
        if (!next) {
          this.push(null)
          return
        }
        wanted = this.push(await next)
      }
    } finally {
      this.#pushing = false
    }
  }

  #readAhead(): void {
    const source = this.#source!
    while (this.#underWay.length < IN_FLIGHT && this.#next <= this.#last) {
      const length = source.span(this.#next, Math.min(CHUNK_BYTES, this.#last + 1 - this.#next))
      const into = Buffer.allocUnsafeSlow(length)
      const read = source.read(this.#next, into, this.#options).then(() => into)
      // One that is never waited for, because an earlier one failed, is no unhandled rejection.
      read.catch(ignore)
      this.#underWay.push(read)
      this.#next += length
    }
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#abort.abort(error)
    done(error)
  }
}

export function fileWriteStream(context: ClientContext, target: Target, options: FileWriteStreamOptions = {}): FileWriteStream {
  return new FileWriter(context, target, options)
}

/**
 * Copies what is written into chunks, so that memory is the caller's again at once, and keeps several of them under way. A
 * piece leaves at once when nothing is; otherwise it waits for company.
 */
class FileWriter extends Writable implements FileWriteStream {
  readonly #context: ClientContext
  readonly #target: Target
  readonly #append: boolean
  readonly #options: CallOptions
  readonly #abort = new AbortController()
  readonly #spare: Buffer[] = []
  #sink: FileSink | undefined
  /** Chunk that is being filled, and where in the file it begins. */
  #chunk: Buffer | undefined
  #filled = 0
  #position = 0
  readonly #underWay = new Set<Promise<void>>()
  #failure: Error | undefined
  #waiting: (() => void) | undefined

  constructor(context: ClientContext, target: Target, options: FileWriteStreamOptions) {
    super({ highWaterMark: CHUNK_BYTES })
    this.#context = context
    this.#target = target
    this.#append = options.append ?? false
    this.#options = { signal: this.#abort.signal }
    abortWith(this, options.signal, this.#abort)
  }

  override _construct(done: Done): void {
    opened(this, this.#open(), done)
  }

  async #open(): Promise<void> {
    const mode = this.#append ? 'append' : 'replace'
    this.#sink = await FileSink.open(this.#context, { ...this.#target, mode }, this.#options)
    this.#context.counters.transfers++
    this.#position = this.#sink.startSize
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#take(bytes).then(() => done(), done)
  }

  async #take(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      while (!this.#chunk) {
        if (this.#failure) throw this.#failure
        if (this.#underWay.size < IN_FLIGHT) this.#chunk = this.#spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES)
        else await this.#oneDone()
      }
      const room = this.#sink!.span(this.#position, CHUNK_BYTES) - this.#filled
      const take = Math.min(room, bytes.length - at)
      bytes.copy(this.#chunk, this.#filled, at, at + take)
      this.#filled += take
      at += take
      if (take === room || this.#underWay.size === 0) this.#sendChunk()
    }
    if (this.#failure) throw this.#failure
  }

  #sendChunk(): void {
    const chunk = this.#chunk
    if (!chunk || this.#filled === 0) return
    const position = this.#position
    const filled = this.#filled
    this.#chunk = undefined
    this.#filled = 0
    this.#position += filled
    const write = this.#sink!.write(position, chunk.subarray(0, filled), this.#options)
      .catch((error: Error) => {
        this.#failure ??= error
        // What has failed is told at once, not with the next write.
        this.destroy(error)
      })
      .finally(() => {
        this.#underWay.delete(write)
        this.#spare.push(chunk)
        // Whatever came while the last one was under way leaves now.
        if (this.#underWay.size === 0 && !this.#failure) this.#sendChunk()
        this.#waiting?.()
      })
    this.#underWay.add(write)
  }

  #oneDone(): Promise<void> {
    return new Promise(resolve => {
      this.#waiting = () => {
        this.#waiting = undefined
        resolve()
      }
    })
  }

  /** Sends what was written up to now and waits until it is stored; answers where that ends. Later pieces may go on meanwhile. */
  async #drain(): Promise<number> {
    this.#sendChunk()
    const end = this.#position
    await Promise.all(this.#underWay)
    if (this.#failure) throw this.#failure
    return end
  }

  async sync(options: CallOptions = {}): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      if (this.writableEnded || this.destroyed) {
        reject(this.#failure ?? new GliderError('INVALID_ARGUMENT', 'sync after the end: the stream publishes when it closes'))
        return
      }
      // Through the stream's own queue: everything written before this call goes first.
      this.write(EMPTY, error => (error ? reject(this.#failure ?? error) : resolve()))
    })
    await this.#sink!.sync(await this.#drain(), options)
  }

  override _final(done: Done): void {
    this.#finish().then(() => done(), done)
  }

  async #finish(): Promise<void> {
    await this.#sink!.close(await this.#drain(), this.#options)
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#failure ??= error ?? new GliderError('CANCELLED', 'the stream was destroyed before it had finished')
    this.#abort.abort(this.#failure)
    const ended = this.#sink?.abort() ?? Promise.resolve()
    ended.then(() => done(error), done)
  }
}

const EMPTY = Buffer.alloc(0)

/** Ends `_construct`. One who was destroyed meanwhile has its error already: a second one would hide it in an AggregateError. */
export function opened(stream: Readable | Writable, opening: Promise<void>, done: Done): void {
  opening.then(
    () => done(),
    (error: Error) => done(stream.destroyed ? null : error),
  )
}

/** Destroys the stream when the caller's signal fires, and ends what it has under way. */
export function abortWith(stream: Readable | Writable, signal: AbortSignal | undefined, work?: AbortController): void {
  if (!signal) return
  const onAbort = (): void => {
    const error = cancelledError('the stream', signal)
    stream.destroy(error)
    // A stream that is still opening is not destroyed before that is over.
    work?.abort(error)
  }
  if (signal.aborted) {
    queueMicrotask(onAbort)
    return
  }
  signal.addEventListener('abort', onAbort, { once: true })
  stream.once('close', () => signal.removeEventListener('abort', onAbort))
}

function ignore(): void {}
