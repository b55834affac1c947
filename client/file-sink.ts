import type { CallOptions } from '../actions/store.ts'
import { type AnswerOf, catalogue, type HeadOf } from '../protocol/catalogue.ts'
import type { GliderError } from '../protocol/errors.ts'
import { ClaimBlocks, FIRST_BLOCKS } from './claim-blocks.ts'
import type { ClientContext } from './context.ts'
import { inSpans } from './spans.ts'
import { throwIfCancelled, unlessCancelled } from './waiting.ts'

type Opening = Omit<HeadOf<typeof catalogue.openWrite>, 'blocks' | 'sequence' | 'acknowledged'>

/**
 * A file, a keyvalue or a new part of a bag, under a write claim. Always holds: what is committed has been acknowledged by the
 * storage servers. However it ends, by `close` or `abort`, the claim ends with it.
 */
export class FileSink {
  readonly path: string
  /** Committed length that the writer started from. */
  readonly startSize: number
  readonly blockBytes: number
  readonly #context: ClientContext
  readonly #claim: string
  readonly #blocks: ClaimBlocks
  /** What the file has inline, until the first write moves it into the first blocks. */
  readonly #inline: Buffer | undefined
  /** Whether committed bytes are written over, which readers see at once. */
  readonly #inPlace: boolean
  #moving: Promise<void> | undefined
  #moved = false
  #ended = false

  private constructor(
    context: ClientContext,
    opened: AnswerOf<typeof catalogue.openWrite>,
    inline: Buffer | undefined,
    inPlace: boolean,
  ) {
    this.#context = context
    this.#inline = inline
    this.#inPlace = inPlace
    this.path = opened.path
    this.startSize = opened.size
    this.blockBytes = opened.blockBytes
    this.#claim = opened.claim
    this.#blocks = new ClaimBlocks(context, opened, inline ? 0 : Math.ceil(opened.size / opened.blockBytes))
  }

  static async open(context: ClientContext, opening: Opening, options: CallOptions, blocks = FIRST_BLOCKS): Promise<FileSink> {
    const { signal, ...others } = options
    const what = `opening ${'path' in opening ? opening.path : 'a file'} for writing`
    throwIfCancelled(what, signal)
    const head = { ...opening, blocks: Math.min(blocks, 256) }
    const opened = context.metadata.exchange(catalogue.openWrite, head, undefined, others)
    try {
      const answer = await unlessCancelled(opened, what, signal)
      const inline = answer.body.length > 0 ? answer.body : undefined
      return new FileSink(context, answer.head, inline, opening.mode === 'update')
    } catch (error) {
      // A claim that is answered after the caller has gone would otherwise last as long as the connection.
      opened.then(
        answer => release(context, answer.head.claim),
        () => undefined,
      )
      throw error
    }
  }

  /** `listener` is told where bytes that were written already are lost: nothing can be written or committed after that. */
  onLost(listener: (error: GliderError) => void): void {
    this.#blocks.onLost = listener
  }

  /** How much one write may take at `position`: writes do not cross the border of a block. */
  span(position: number, most: number): number {
    return Math.min(most, this.blockBytes - (position % this.blockBytes))
  }

  /** Writes anywhere; `bytes` belong to the call until it resolves, and may span blocks. */
  write(position: number, bytes: Uint8Array, options: CallOptions): Promise<void> {
    if (!this.#inline || this.#moved) return this.#write(position, bytes, options)
    return this.#move(this.#inline, options).then(() => this.#write(position, bytes, options))
  }

  /** Goes before whatever is written, which may be over it. */
  #move(inline: Buffer, options: CallOptions): Promise<void> {
    this.#moving ??= this.#moveNow(inline, options).finally(() => {
      this.#moving = undefined
    })
    return this.#moving
  }

  async #moveNow(inline: Buffer, options: CallOptions): Promise<void> {
    await this.#write(0, inline, options)
    if (this.#inPlace) {
      const head = { claim: this.#claim, size: inline.length, close: false, moved: true }
      await this.#context.metadata.request(catalogue.commit, head, options)
    }
    this.#moved = true
  }

  #write(position: number, bytes: Uint8Array, options: CallOptions): Promise<void> {
    return inSpans(
      bytes.length,
      done => this.span(position + done, bytes.length - done),
      (done, length) =>
        this.#writeSpan(position + done, length === bytes.length ? bytes : bytes.subarray(done, done + length), options),
    )
  }

  /** Reads what the file had, or what was written here: the caller knows what can be read. */
  async read(position: number, into: Uint8Array, options: CallOptions): Promise<void> {
    if (this.#inline && !this.#moved) {
      into.set(this.#inline.subarray(position, position + into.length))
      this.#context.counters.bytesReceived += into.length
      return
    }
    await inSpans(
      into.length,
      done => this.span(position + done, into.length - done),
      (done, length) => {
        const at = position + done
        const piece = into.subarray(done, done + length)
        return this.#blocks.read(Math.floor(at / this.blockBytes), at % this.blockBytes, piece, options)
      },
    )
  }

  #writeSpan(position: number, bytes: Uint8Array, options: CallOptions): Promise<void> {
    return this.#blocks.write(Math.floor(position / this.blockBytes), position % this.blockBytes, bytes, options)
  }

  #commit(size: number, close: boolean): HeadOf<typeof catalogue.commit> {
    return { claim: this.#claim, size, close, ...(this.#moved && { moved: true }) }
  }

  /** Publishes the length so far. */
  async sync(size: number, options: CallOptions): Promise<void> {
    await this.#context.metadata.request(catalogue.commit, this.#commit(size, false), options)
  }

  /** Publishes and ends the claim. Where that fails, nothing of a plain write is published. */
  async close(size: number, options: CallOptions): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    await this.#blocks.settle()
    try {
      await this.#context.metadata.request(catalogue.commit, this.#commit(size, true), options)
    } catch (error) {
      await this.#release(options)
      throw error
    }
  }

  /** Ends the claim and publishes nothing more. */
  async abort(options: CallOptions = {}): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    await this.#blocks.settle()
    await this.#release(options)
  }

  /** Where the caller waits no longer, it goes on by itself. */
  async #release({ signal }: CallOptions): Promise<void> {
    await unlessCancelled(release(this.#context, this.#claim), `ending the claim of ${this.path}`, signal).catch(ignore)
  }
}

function ignore(): void {}

/** Where even this fails, the claim ends with the connection; what went wrong before is what the caller is told. */
async function release(context: ClientContext, claim: string): Promise<void> {
  await context.metadata.request(catalogue.release, { claim }, {}).catch(() => undefined)
}
