import type { CallOptions } from '../actions/store.ts'
import { type AnswerOf, catalogue } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { BlockChain } from './block-chain.ts'
import type { BlockRef } from './block-io.ts'
import type { ClientContext, Target } from './context.ts'
import { inSpans } from './spans.ts'

/** Locations are asked for in batches of so many. */
export const LOCATE_BLOCKS = 64

/** The committed bytes of a file or keyvalue as they were when it was opened for reading. */
export class FileSource {
  readonly path: string
  readonly size: number
  readonly #context: ClientContext
  readonly #node: number
  readonly #version: number
  readonly #blockBytes: number
  /** The bytes themselves, where there are few of them. */
  readonly #inline: Buffer | undefined
  readonly #chain = new BlockChain()
  readonly #locating = new Map<number, Promise<void>>()

  constructor(context: ClientContext, opened: AnswerOf<typeof catalogue.openRead>, inline?: Buffer) {
    this.#context = context
    this.#inline = inline
    this.path = opened.path
    this.size = opened.size
    this.#node = opened.node
    this.#version = opened.version
    this.#blockBytes = opened.blockBytes
    this.#chain.add(opened.first, opened)
  }

  static async open(context: ClientContext, target: Target, start: number, options: CallOptions): Promise<FileSource> {
    const opening = { ...target, start, blocks: LOCATE_BLOCKS }
    const { head, body } = await context.metadata.exchange(catalogue.openRead, opening, undefined, options)
    return new FileSource(context, head, body.length > 0 ? body : undefined)
  }

  /** How much one read may take from `position` on, at most `most`: reads do not cross the border of a block. */
  span(position: number, most: number): number {
    return Math.min(most, this.#blockBytes - (position % this.#blockBytes), this.size - position)
  }

  /** Fills `into`, which lies within the file, from any number of blocks at the same time. */
  read(position: number, into: Uint8Array, options: CallOptions): Promise<void> {
    if (this.#inline) {
      into.set(this.#inline.subarray(position, position + into.length))
      this.#context.counters.bytesReceived += into.length
      return Promise.resolve()
    }
    return inSpans(
      into.length,
      done => this.span(position + done, into.length - done),
      (done, length) =>
        this.#readSpan(position + done, length === into.length ? into : into.subarray(done, done + length), options),
    )
  }

  #readSpan(position: number, into: Uint8Array, options: CallOptions): Promise<void> {
    const index = Math.floor(position / this.#blockBytes)
    const offset = position % this.#blockBytes
    const known = this.#chain.get(index)
    if (known) return this.#readBlock(known, index, offset, into, options)
    return this.#locate(index, options).then(block => this.#readBlock(block, index, offset, into, options))
  }

  async #readBlock(block: BlockRef, index: number, offset: number, into: Uint8Array, options: CallOptions): Promise<void> {
    try {
      await this.#context.blocks.read(block, offset, into, options, () => this.#ask(index, 1, options))
    } catch (error) {
      const known = GliderError.from(error)
      if (known.code !== 'BLOCK_GONE') throw known
      // Where the server of the block has died and come back empty, that is told.
      await this.#ask(index, 1, options)
      throw this.#gone(known)
    }
  }

  async #locate(index: number, options: CallOptions): Promise<BlockRef> {
    // Whoever reads ahead asks for the same batch several times at once: one request serves them all.
    const first = Math.floor(index / LOCATE_BLOCKS) * LOCATE_BLOCKS
    let locating = this.#locating.get(first)
    if (!locating) {
      const count = Math.min(LOCATE_BLOCKS, Math.ceil(this.size / this.#blockBytes) - first)
      locating = this.#ask(first, count, options)
        .then(batch => this.#chain.add(first, batch))
        .finally(() => this.#locating.delete(first))
      this.#locating.set(first, locating)
    }
    await locating
    const block = this.#chain.get(index)
    if (!block) throw new GliderError('PROTOCOL_ERROR', `block ${index} of ${this.path} was asked for and not told`)
    return block
  }

  async #ask(first: number, blocks: number, options: CallOptions): Promise<AnswerOf<typeof catalogue.locate>> {
    const head = { node: this.#node, version: this.#version, first, blocks }
    try {
      return await this.#context.metadata.request(catalogue.locate, head, options)
    } catch (error) {
      const known = GliderError.from(error)
      throw known.code === 'BLOCK_GONE' ? this.#gone(known) : known
    }
  }

  #gone(cause: GliderError): GliderError {
    const message = `${this.path} was deleted or replaced while it was being read: open it again`
    return new GliderError('BLOCK_GONE', message, { cause })
  }
}
