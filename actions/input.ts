import { GliderError } from '../protocol/errors.ts'
import { ByteLines, TextLines } from './lines.ts'
import type { TurnScope } from './scope.ts'
import type { ChunkSource, LentChunk } from './source.ts'

/**
 * What is written to an action, in one stream; every way of reading it takes what the others have left. How many chunks there
 * are, and where their borders lie, means nothing. Lines end at LF, one CR before it is dropped; a last line without LF counts,
 * an empty rest does not; a line over 16 MiB is `INVALID_ARGUMENT`. A writer that dies makes it throw: an end is only ever seen
 * when everything was written. After the hook has returned everything rejects.
 */
export interface ActionInput extends AsyncIterable<Buffer> {
  /** Chunks that belong to the action. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Buffer>
  /** The fastest way: lends each chunk until `fn` has returned; a promise from `fn` is awaited. */
  forEachChunk(fn: (chunk: Buffer) => void | Promise<void>): Promise<void>
  lines(): AsyncIterableIterator<string>
  /** Faster than {@link ActionInput.lines}. */
  forEachLine(fn: (line: string) => void): Promise<void>
  /**
   * The fastest way to take lines: bytes `start` to `end` (exclusive) of a chunk that is lent until `fn` returns. A promise from
   * `between`, which runs now and then between two lines, is awaited: there work can be done that `fn` has gathered.
   */
  forEachLineBytes(fn: (chunk: Buffer, start: number, end: number) => void, between?: () => void | Promise<void>): Promise<void>
  /** All that is left, as UTF-8. */
  text(): Promise<string>
  /** All that is left, parsed. */
  json(): Promise<unknown>
  /** Fires when this stream is aborted: its writer died, or the object is deleted with mode `abort`. */
  readonly signal: AbortSignal
}

/** An answer of the source that is still to come. */
interface Pending {
  /** Never rejects. */
  readonly settled: Promise<void>
  /** Whoever waits gets `error`; a chunk that comes nevertheless is released. */
  cancel(error: GliderError): void
}

/** {@link ActionInput} over a source. Always holds: at most one answer of the source is awaited, and every chunk is released once. */
export class StreamInput implements ActionInput {
  readonly #source: ChunkSource
  readonly #scope: TurnScope
  #pending: Pending | undefined
  #ended = false

  constructor(source: ChunkSource, scope: TurnScope) {
    this.#source = source
    this.#scope = scope
    scope.onAbort(reason => this.#pending?.cancel(reason))
  }

  get signal(): AbortSignal {
    return this.#scope.signal
  }

  /** Whether the end has been seen: everything was written. */
  get ended(): boolean {
    return this.#ended
  }

  async forEachChunk(fn: (chunk: Buffer) => void | Promise<void>): Promise<void> {
    for (;;) {
      const next = this.#pull()
      const lent = next instanceof Promise ? await next : next
      if (!lent) return
      try {
        const done = fn(lent.bytes)
        if (done) await done
      } finally {
        lent.release()
      }
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, undefined> {
    this.#source.keeps?.()
    for (;;) {
      const next = this.#pull()
      const lent = next instanceof Promise ? await next : next
      if (!lent) return
      yield ownedCopy(lent)
    }
  }

  async forEachLineBytes(
    fn: (chunk: Buffer, start: number, end: number) => void,
    between?: () => void | Promise<void>,
  ): Promise<void> {
    const lines = new ByteLines(this.#scope.refuse)
    await this.forEachChunk(chunk => {
      lines.feed(chunk, fn)
      return between?.()
    })
    lines.finish(fn)
  }

  async forEachLine(fn: (line: string) => void): Promise<void> {
    const lines = new TextLines(this.#scope.refuse)
    await this.forEachChunk(chunk => lines.feed(chunk, fn))
    lines.finish(fn)
  }

  async *lines(): AsyncGenerator<string, undefined> {
    const lines = new TextLines(this.#scope.refuse)
    let ready: string[] = []
    const keep = (line: string): void => {
      ready.push(line)
    }
    for (;;) {
      const next = this.#pull()
      const lent = next instanceof Promise ? await next : next
      if (!lent) break
      try {
        lines.feed(lent.bytes, keep)
      } finally {
        lent.release()
      }
      // Not `yield*`: that waits for each line twice more.
      for (const line of ready) yield line
      ready = []
    }
    lines.finish(keep)
    for (const line of ready) yield line
  }

  async text(): Promise<string> {
    const chunks: Buffer[] = []
    await this.forEachChunk(chunk => {
      chunks.push(Buffer.from(chunk))
    })
    return Buffer.concat(chunks).toString('utf8')
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text())
  }

  /** The hook has returned: whatever it still waits for rejects. */
  close(): void {
    this.#pending?.cancel(this.#scope.returnedError())
  }

  /** Takes and releases the rest, so that the writer can finish; answers nothing where there is no rest. */
  drain(): Promise<void> | undefined {
    return this.#ended ? undefined : this.#drain()
  }

  async #drain(): Promise<void> {
    if (this.#pending) await this.#scope.guard(this.#pending.settled)
    for (;;) {
      const next = this.#next()
      const lent = next instanceof Promise ? await next : next
      if (!lent) return
      lent.release()
    }
  }

  #pull(): LentChunk | undefined | Promise<LentChunk | undefined> {
    if (!this.#ended || this.#scope.hasReturned) this.#scope.assertHookRuns()
    return this.#next()
  }

  #next(): LentChunk | undefined | Promise<LentChunk | undefined> {
    if (this.#ended) return undefined
    if (this.#scope.reason) throw this.#scope.reason
    if (this.#pending)
      throw new GliderError('INVALID_ARGUMENT', 'the input is being read already: await one read before the next')
    const next = this.#source.next()
    if (next instanceof Promise) return this.#await(next)
    if (!next) this.#ended = true
    return next
  }

  #await(next: Promise<LentChunk | undefined>): Promise<LentChunk | undefined> {
    return new Promise((resolve, reject) => {
      let wanted = true
      const settled = next.then(
        lent => {
          this.#pending = undefined
          if (!lent) this.#ended = true
          if (wanted) resolve(lent)
          else lent?.release()
        },
        thrown => {
          const reason = GliderError.from(thrown, 'UNAVAILABLE', 'the writer has gone')
          const first = this.#scope.abort(reason)
          this.#pending = undefined
          if (wanted) reject(first)
        },
      )
      const cancel = (error: GliderError): void => {
        wanted = false
        reject(error)
      }
      this.#pending = { settled, cancel }
    })
  }
}

function ownedCopy(lent: LentChunk): Buffer {
  try {
    if (lent.isOwn) return lent.bytes
    const owned = Buffer.allocUnsafeSlow(lent.bytes.length)
    lent.bytes.copy(owned)
    return owned
  } finally {
    lent.release()
  }
}
