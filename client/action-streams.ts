import { Readable, Writable } from 'node:stream'
import type { ActionWriteStreamOptions, ReadStreamOptions } from '../actions/store.ts'
import { GliderError } from '../protocol/errors.ts'
import type { MuxStream } from '../protocol/stream.ts'
import { openActionRead, openActionWrite, writeActionWhole } from './action-link.ts'
import type { ActionTarget, ClientContext } from './context.ts'
import { abortWith, opened } from './stream-signal.ts'
import type { Followed } from './tracing.ts'

const HIGH_WATER_BYTES = 512 << 10
/** A stream that is ended at once with so few bytes goes whole. */
const WHOLE_BYTES = 64 << 10
/** Small pieces that wait together are joined up to this size. */
const JOIN_BYTES = 128 << 10

type Done = (error?: Error | null) => void

export function actionReadStream(context: ClientContext, target: ActionTarget, options: ReadStreamOptions = {}): Readable {
  return new ActionReadStream(context, target, options)
}

class ActionReadStream extends Readable {
  readonly #context: ClientContext
  readonly #target: ActionTarget
  readonly #signal: AbortSignal | undefined
  readonly #followed: Followed | undefined
  #stream: MuxStream | undefined

  constructor(context: ClientContext, target: ActionTarget, options: ReadStreamOptions) {
    super({ highWaterMark: HIGH_WATER_BYTES })
    this.#context = context
    this.#target = target
    this.#signal = options.signal
    this.#followed = context.tracing?.begin('readAction', target.path)
    abortWith(this, options.signal)
  }

  override _construct(done: Done): void {
    opened(this, this.#open(), done)
  }

  async #open(): Promise<void> {
    const call = this.#signal ? { signal: this.#signal } : {}
    this.#stream = await openActionRead(this.#context, this.#target, call, this.#followed)
  }

  override _read(): void {
    this.#stream!.read().then(
      chunk => {
        if (chunk) this.#context.counters.bytesReceived += chunk.length
        this.push(chunk ?? null)
      },
      (error: Error) => this.destroy(error),
    )
  }

  override _destroy(error: Error | null, done: Done): void {
    if (!this.readableEnded) this.#stream?.reset(abandoned(error))
    done(this.#followed ? endOf(this.#followed, error, this.readableEnded) : error)
  }
}

export function actionWriteStream(
  context: ClientContext,
  target: ActionTarget,
  options: ActionWriteStreamOptions = {},
): Writable {
  return new ActionWriteStream(context, target, options)
}

class ActionWriteStream extends Writable {
  readonly #context: ClientContext
  readonly #target: ActionTarget
  readonly #options: ActionWriteStreamOptions
  readonly #followed: Followed | undefined
  #stream: MuxStream | undefined
  /** Pieces of a stream that was ended before it could be opened: it goes as one request. */
  #whole: Buffer[] | undefined
  #cancelWhole: (() => void) | undefined
  #finished = false

  constructor(context: ClientContext, target: ActionTarget, options: ActionWriteStreamOptions) {
    super({ highWaterMark: HIGH_WATER_BYTES })
    this.#context = context
    this.#target = target
    this.#options = options
    this.#followed = context.tracing?.begin('writeAction', target.path)
    abortWith(this, options.signal)
  }

  override _construct(done: Done): void {
    if (this.writableEnded && this.writableLength <= WHOLE_BYTES && !this.#options.signal) {
      this.#whole = []
      done()
    } else opened(this, this.#open(), done)
  }

  async #open(): Promise<void> {
    const stream = await openActionWrite(this.#context, this.#target, this.#options, this.#followed)
    this.#stream = stream
    // A failure of the action is told at once, not with the next write.
    const failed = (): void => {
      this.destroy(stream.signal.reason as Error)
    }
    stream.signal.addEventListener('abort', failed)
    if (stream.signal.aborted) failed()
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#context.counters.bytesSent += bytes.length
    if (!this.#whole) {
      this.#stream!.send(bytes, () => done(), done)
      return
    }
    this.#whole.push(bytes)
    done()
  }

  override _writev(pieces: { chunk: Buffer }[], done: Done): void {
    const chunks = pieces.map(({ chunk }) => chunk)
    if (this.#whole) this._write(Buffer.concat(chunks), 'binary', done)
    else this.#sendAll(joined(chunks)).then(() => done(), done)
  }

  async #sendAll(pieces: readonly Buffer[]): Promise<void> {
    for (const piece of pieces) this.#context.counters.bytesSent += piece.length
    await Promise.all(pieces.map(piece => this.#stream!.write(piece)))
  }

  override _final(done: Done): void {
    this.#end().then(() => {
      this.#finished = true
      done()
    }, done)
  }

  #end(): Promise<unknown> {
    if (!this.#whole) return this.#stream!.end()
    const [first, ...others] = this.#whole
    const bytes = others.length === 0 && first ? first : Buffer.concat(this.#whole)
    const written = writeActionWhole(this.#context, this.#target, bytes, this.#options, this.#followed)
    this.#cancelWhole = () => written.cancel()
    return written.done
  }

  override _destroy(error: Error | null, done: Done): void {
    if (!this.#finished) {
      this.#stream?.reset(abandoned(error))
      this.#cancelWhole?.()
    }
    done(this.#followed ? endOf(this.#followed, error, this.#finished) : error)
  }
}

/** Ends the operation of a stream that is over; answers what the program is to be told. */
function endOf(followed: Followed, error: Error | null, whole: boolean): Error | null {
  if (whole && !error) followed.done()
  else if (error) return followed.failed(error) as Error
  else followed.failed(abandoned(null))
  return error
}

/** Neighbours that are small become one piece: every piece is a frame of its own. */
function joined(pieces: readonly Buffer[]): Buffer[] {
  const result: Buffer[] = []
  let run: Buffer[] = []
  let runBytes = 0
  const endRun = (): void => {
    if (run.length > 0) result.push(run.length === 1 ? run[0]! : Buffer.concat(run, runBytes))
    run = []
    runBytes = 0
  }
  for (const piece of pieces) {
    if (runBytes + piece.length > JOIN_BYTES) endRun()
    run.push(piece)
    runBytes += piece.length
  }
  endRun()
  return result
}

function abandoned(error: Error | null): GliderError {
  return new GliderError('CANCELLED', `the other side left before the end${error ? `: ${error.message}` : ''}`)
}
