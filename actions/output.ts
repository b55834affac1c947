import { GliderError } from '../protocol/errors.ts'
import type { TurnScope } from './scope.ts'
import type { ChunkSink } from './source.ts'

/** What an action gives to one reader. After the hook has returned, or when the reader has gone, it rejects. */
export interface ActionOutput {
  /**
   * Strings are UTF-8. The bytes have been taken when it resolves, until then the memory belongs to the call; it resolves when
   * the reader has made room for more.
   */
  write(bytes: Uint8Array | string): Promise<void>
  /**
   * Sends bytes that stand on a `SharedArrayBuffer` without copying them: they may change once it resolves, which is when they have
   * left the server. Keep several under way; awaiting each leaves the stream idle meanwhile. For what is sent again and again, or is made in
   * large pieces.
   * @throws GliderError INVALID_ARGUMENT where the memory is not shared
   */
  lend(bytes: Uint8Array): Promise<void>
  /** Fires when this stream is aborted: its reader left, or the object is deleted with mode `abort`. */
  readonly signal: AbortSignal
}

const taken = Promise.resolve()

/** {@link ActionOutput} over a sink. */
export class StreamOutput implements ActionOutput {
  readonly #sink: ChunkSink
  readonly #scope: TurnScope
  #last: Promise<void> = taken

  constructor(sink: ChunkSink, scope: TurnScope) {
    this.#sink = sink
    this.#scope = scope
  }

  get signal(): AbortSignal {
    return this.#scope.signal
  }

  write(bytes: Uint8Array | string): Promise<void> {
    return this.#send(() => {
      const chunk = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
      if (!(chunk instanceof Uint8Array)) {
        throw new GliderError('INVALID_ARGUMENT', `output.write takes a string or bytes, not ${describe(bytes)}`)
      }
      return chunk.length === 0 ? undefined : this.#sink.write(chunk)
    })
  }

  lend(bytes: Uint8Array): Promise<void> {
    return this.#send(() => {
      if (!(bytes instanceof Uint8Array && bytes.buffer instanceof SharedArrayBuffer)) {
        throw new GliderError('INVALID_ARGUMENT', 'output.lend takes bytes on a SharedArrayBuffer; others go by output.write')
      }
      if (bytes.length === 0) return undefined
      return this.#sink.lend ? this.#sink.lend(bytes) : this.#sink.write(bytes)
    })
  }

  #send(send: () => Promise<void> | void): Promise<void> {
    let answer: Promise<void> | void
    try {
      this.#scope.assertHookRuns()
      answer = send()
    } catch (error) {
      return Promise.reject(error)
    }
    if (!answer) return taken
    this.#last = this.#scope.guard(this.#fromSink(answer))
    // A hook need not await its last write; the stream's own outcome tells of the failure.
    this.#last.catch(() => {})
    return this.#last
  }

  /** Resolves when what was written before the hook returned has been taken, also where the hook did not await it. */
  flushed(): Promise<void> {
    return this.#last
  }

  async #fromSink(answer: Promise<void>): Promise<void> {
    try {
      await answer
    } catch (thrown) {
      throw this.#scope.abort(GliderError.from(thrown, 'CANCELLED', 'the reader has gone'))
    }
  }
}

function describe(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value
}
