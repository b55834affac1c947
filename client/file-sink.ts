import type { CallOptions } from '../actions/store.ts'
import { type AnswerOf, catalogue, type HeadOf } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { BlockChain } from './block-chain.ts'
import type { BlockRef } from './block-io.ts'
import type { ClientContext } from './context.ts'
import { inSpans } from './spans.ts'
import { throwIfCancelled, unlessCancelled } from './waiting.ts'

/** Blocks are asked for ahead of need: so many at first, then a quarter of what has been used, up to a limit. */
const FIRST_BLOCKS = 2
const MOST_BLOCKS_AHEAD = 32

type Opening = Omit<HeadOf<typeof catalogue.openWrite>, 'blocks' | 'sequence' | 'acknowledged'>

/**
 * A file under a write claim. Always holds: what is committed has been acknowledged by the storage servers. However it ends,
 * by `close` or `abort`, the claim ends with it.
 */
export class FileSink {
  readonly path: string
  /** Committed length that the writer started from. */
  readonly startSize: number
  readonly blockBytes: number
  readonly #context: ClientContext
  readonly #claim: string
  readonly #chain = new BlockChain()
  /** Blocks that the file had when the claim was taken. */
  readonly #existing: number
  /** Index of the first block that the claim does not have yet. */
  #next: number
  #extending: Promise<void> | undefined
  #ended = false

  private constructor(context: ClientContext, opened: AnswerOf<typeof catalogue.openWrite>) {
    this.#context = context
    this.path = opened.path
    this.startSize = opened.size
    this.blockBytes = opened.blockBytes
    this.#claim = opened.claim
    this.#chain.add(opened.first, opened)
    this.#existing = Math.ceil(opened.size / opened.blockBytes)
    this.#next = Math.max(this.#existing, opened.first + opened.locations.length)
  }

  static async open(context: ClientContext, opening: Opening, options: CallOptions, blocks = FIRST_BLOCKS): Promise<FileSink> {
    const { signal, ...others } = options
    const what = `opening ${'path' in opening ? opening.path : 'a file'} for writing`
    throwIfCancelled(what, signal)
    const head = { ...opening, blocks: Math.min(blocks, 256) }
    const opened = context.metadata.request(catalogue.openWrite, head, others)
    try {
      return new FileSink(context, await unlessCancelled(opened, what, signal))
    } catch (error) {
      // A claim that is answered after the caller has gone would otherwise last as long as the connection.
      opened.then(
        ({ claim }) => release(context, claim),
        () => undefined,
      )
      throw error
    }
  }

  /** How much one write may take at `position`: writes do not cross the border of a block. */
  span(position: number, most: number): number {
    return Math.min(most, this.blockBytes - (position % this.blockBytes))
  }

  /** Writes anywhere; `bytes` belong to the call until it resolves, and may span blocks. */
  async write(position: number, bytes: Uint8Array, options: CallOptions): Promise<void> {
    await inSpans(
      bytes.length,
      done => this.span(position + done, bytes.length - done),
      (done, length) =>
        this.#writeSpan(position + done, length === bytes.length ? bytes : bytes.subarray(done, done + length), options),
    )
  }

  /** Reads what the file had, or what was written here: the caller knows what can be read. */
  async read(position: number, into: Uint8Array, options: CallOptions): Promise<void> {
    await inSpans(
      into.length,
      done => this.span(position + done, into.length - done),
      async (done, length) => {
        const index = Math.floor((position + done) / this.blockBytes)
        const offset = (position + done) % this.blockBytes
        const block = this.#chain.get(index) ?? (await this.#obtain(index, options))
        const check = (): Promise<unknown> => this.#locate(index, options)
        await this.#named(this.#context.blocks.read(block, offset, into.subarray(done, done + length), options, check))
      },
    )
  }

  #writeSpan(position: number, bytes: Uint8Array, options: CallOptions): Promise<void> {
    const index = Math.floor(position / this.blockBytes)
    const offset = position % this.blockBytes
    const block = this.#chain.get(index)
    // Asked for ahead, so that a long write does not wait for the metadata server.
    if (index + this.#ahead(index) > this.#next) this.#extendAhead(index, options)
    if (block) return this.#writeBlock(block, index, offset, bytes, options)
    return this.#obtain(index, options).then(ref => this.#writeBlock(ref, index, offset, bytes, options))
  }

  #writeBlock(block: BlockRef, index: number, offset: number, bytes: Uint8Array, options: CallOptions): Promise<void> {
    return this.#named(this.#context.blocks.write(block, offset, bytes, options, () => this.#locate(index, options)))
  }

  /** To a writer, a block that has gone is a file that has. */
  async #named(work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (error) {
      const known = GliderError.from(error)
      if (known.code !== 'BLOCK_GONE') throw known
      throw new GliderError('NOT_FOUND', `${this.path} was deleted while it was being written: create it again`, { cause: known })
    }
  }

  #ahead(index: number): number {
    return Math.min(MOST_BLOCKS_AHEAD, Math.max(FIRST_BLOCKS, Math.ceil(index / 4)))
  }

  #extendAhead(index: number, options: CallOptions): void {
    // Within the bytes that were there nothing more is needed.
    if (this.#extending || index < this.#existing) return
    // What cannot be had ahead may never be needed; where it is, `obtain` asks again and tells.
    this.#extend(this.#ahead(index), options).catch(() => undefined)
  }

  async #obtain(index: number, options: CallOptions): Promise<BlockRef> {
    for (;;) {
      const block = this.#chain.get(index)
      if (block) return block
      if (index < this.#next) this.#chain.add(index, await this.#locate(index, options))
      else if (this.#extending) await this.#extending.catch(() => undefined)
      else await this.#extend(Math.min(256, index + 1 - this.#next), options)
    }
  }

  #extend(blocks: number, options: CallOptions): Promise<void> {
    const first = this.#next
    this.#extending = this.#context.metadata
      .request(catalogue.extend, { claim: this.#claim, blocks }, options)
      .then(batch => {
        this.#chain.add(first, batch)
        this.#next = first + batch.locations.length
      })
      .finally(() => {
        this.#extending = undefined
      })
    return this.#extending
  }

  /** A block that the claim has; DATA_LOST where its server is known to be dead. */
  #locate(index: number, options: CallOptions): Promise<AnswerOf<typeof catalogue.locate>> {
    return this.#context.metadata.request(
      catalogue.locate,
      { node: 0, version: 0, claim: this.#claim, first: index, blocks: 1 },
      options,
    )
  }

  /** Publishes the length so far. */
  async sync(size: number, options: CallOptions): Promise<void> {
    await this.#context.metadata.request(catalogue.commit, { claim: this.#claim, size, close: false }, options)
  }

  /** Publishes and ends the claim. Where that fails, nothing of a plain write is published. */
  async close(size: number, options: CallOptions): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    await this.#extending?.catch(() => undefined)
    try {
      await this.#context.metadata.request(catalogue.commit, { claim: this.#claim, size, close: true }, options)
    } catch (error) {
      await this.#release()
      throw error
    }
  }

  /** Ends the claim and publishes nothing more. */
  async abort(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    await this.#extending?.catch(() => undefined)
    await this.#release()
  }

  #release(): Promise<void> {
    return release(this.#context, this.#claim)
  }
}

/** Where even this fails, the claim ends with the connection; what went wrong before is what the caller is told. */
async function release(context: ClientContext, claim: string): Promise<void> {
  await context.metadata.request(catalogue.release, { claim }, {}).catch(() => undefined)
}
