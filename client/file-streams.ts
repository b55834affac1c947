import { setMaxListeners } from 'node:events'
import { type Readable, Writable } from 'node:stream'
import type { CallOptions, FileReadStreamOptions, FileWriteStream, FileWriteStreamOptions } from '../actions/store.ts'
import { GliderError } from '../protocol/errors.ts'
import type { ClientContext, Target } from './context.ts'
import { FileSink } from './file-sink.ts'
import { FileSource } from './file-source.ts'
import { CHUNK_BYTES, ReadAhead } from './read-ahead.ts'
import { abortWith, opened } from './stream-signal.ts'

/** Operations of a buffered stream that are under way. */
const IN_FLIGHT = 6

type Done = (error?: Error | null) => void

/** @throws GliderError INVALID_ARGUMENT where the range makes no sense */
export function fileReadStream(context: ClientContext, target: Target, options: FileReadStreamOptions = {}): Readable {
  const { start = 0, end = Number.POSITIVE_INFINITY } = options
  return new FileReader(context, target, start, end, options.signal)
}

class FileReader extends ReadAhead {
  readonly #context: ClientContext
  readonly #target: Target
  #source: FileSource | undefined
  #next: number
  #last: number

  constructor(context: ClientContext, target: Target, start: number, end: number, signal: AbortSignal | undefined) {
    super(IN_FLIGHT, signal)
    this.#context = context
    this.#target = target
    this.#next = start
    this.#last = end
  }

  protected override async open(): Promise<void> {
    for (const [name, value] of [
      ['start', this.#next],
      ['end', this.#last],
    ] as const) {
      if (value !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(value) && value >= 0)) {
        throw new GliderError('INVALID_ARGUMENT', `${name} is ${value}: it has to be a whole number from 0`)
      }
    }
    if (this.#next > this.#last) throw new GliderError('INVALID_ARGUMENT', `start (${this.#next}) is beyond end (${this.#last})`)
    this.#source = await FileSource.open(this.#context, this.#target, this.#next, this.options)
    this.#context.counters.transfers++
    this.#last = Math.min(this.#last, this.#source.size - 1)
  }

  protected override begin(): Promise<Buffer> | undefined {
    const source = this.#source!
    if (this.#next > this.#last) return undefined
    const length = source.span(this.#next, Math.min(CHUNK_BYTES, this.#last + 1 - this.#next))
    const into = Buffer.allocUnsafeSlow(length)
    const read = source.read(this.#next, into, this.options).then(() => into)
    this.#next += length
    return read
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
    // Whatever is under way listens to it.
    setMaxListeners(0, this.#abort.signal)
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
    this.#sink.onLost(error => this.destroy(error))
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
        const late = new GliderError('INVALID_ARGUMENT', 'sync after the end: the stream publishes when it closes')
        reject(this.#failure ? syncFailure(this.#failure) : late)
        return
      }
      // Through the stream's own queue: everything written before this call goes first.
      this.write(EMPTY, error => (error ? reject(syncFailure(this.#failure ?? error)) : resolve()))
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

/** A stream is destroyed with any error, or with one of Node's own. */
function syncFailure(error: Error): GliderError {
  return GliderError.from(error, 'CANCELLED', 'the stream was destroyed before sync was done')
}

const EMPTY = Buffer.alloc(0)
