import { setMaxListeners } from 'node:events'
import { Readable } from 'node:stream'
import type { CallOptions } from '../actions/store.ts'
import { abortWith, opened } from './stream-signal.ts'

/** Most bytes of one read. */
export const CHUNK_BYTES = 512 << 10

type Done = (error?: Error | null) => void

/** Keeps several reads under way, and hands their bytes out in the order in which they began. */
export abstract class ReadAhead extends Readable {
  /** For all that the stream asks for: it is cancelled when the stream is destroyed. */
  protected readonly options: CallOptions
  readonly #inFlight: number
  readonly #underWay: Promise<Buffer | undefined>[] = []
  readonly #abort = new AbortController()
  #pushing = false

  /** @param inFlight reads that are under way at the same time */
  constructor(inFlight: number, signal: AbortSignal | undefined) {
    super({ highWaterMark: CHUNK_BYTES })
    this.#inFlight = inFlight
    this.options = { signal: this.#abort.signal }
    // Each read listens to it.
    setMaxListeners(0, this.#abort.signal)
    abortWith(this, signal, this.#abort)
  }

  protected abstract open(): Promise<void>

  /** Begins the next read; undefined, at once or by and by, where there is nothing more. */
  protected abstract begin(): Promise<Buffer | undefined> | undefined

  override _construct(done: Done): void {
    opened(this, this.open(), done)
  }

  override _read(): void {
    if (!this.#pushing) this.#push().catch((error: Error) => this.destroy(error))
  }

  async #push(): Promise<void> {
    this.#pushing = true
    try {
      for (let wanted = true; wanted && !this.destroyed; ) {
        this.#readAhead()
        const bytes = await this.#underWay.shift()
        if (!bytes) {
          this.push(null)
          return
        }
        wanted = this.push(bytes)
      }
    } finally {
      this.#pushing = false
    }
  }

  #readAhead(): void {
    while (this.#underWay.length < this.#inFlight) {
      const read = this.begin()
      if (!read) return
      // One that is never waited for, because an earlier one failed, is no unhandled rejection.
      read.catch(ignore)
      this.#underWay.push(read)
    }
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#abort.abort(error)
    done(error)
  }
}

function ignore(): void {}
