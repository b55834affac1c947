import type { CallOptions } from '../actions/store.ts'
import { type AnswerOf, catalogue } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { BlockChain } from './block-chain.ts'
import type { BlockRef } from './block-io.ts'
import type { ClientContext, Target } from './context.ts'
import { inSpans } from './spans.ts'

/** Locations are asked for in batches of so many. */
const LOCATE_BLOCKS = 64

/** The committed bytes of a file as they were when it was opened for reading. */
export class FileSource {
  readonly path: string
  readonly size: number
  readonly #context: ClientContext
  readonly #node: number
  readonly #version: number
  readonly #blockBytes: number
  readonly #chain = new BlockChain()
  readonly #locating = new Map<number, Promise<void>>()

  private constructor(context: ClientContext, opened: AnswerOf<typeof catalogue.openRead>) {
    this.#context = context
    this.path = opened.path
    this.size = opened.size
    this.#node = opened.node
    this.#version = opened.version
    this.#blockBytes = opened.blockBytes
    this.#chain.add(opened.first, opened)
  }

  static async open(context: ClientContext, target: Target, start: number, options: CallOptions): Promise<FileSource> {
    return new FileSource(
      context,
      await context.metadata.request(catalogue.openRead, { ...target, start, blocks: LOCATE_BLOCKS }, options),
    )
  }

  /** How much one read may take from `position` on, at most `most`: reads do not cross the border of a block. */
  span(position: number, most: number): number {
    return Math.min(most, this.#blockBytes - (position % this.#blockBytes), this.size - position)
  }

  /** Fills `into`, which lies within the file, from any number of blocks at the same time. */
  async read(position: number, into: Uint8Array, options: CallOptions): Promise<void> {
    await inSpans(
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
      throw this.#named(error)
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

  #ask(first: number, blocks: number, options: CallOptions): Promise<AnswerOf<typeof catalogue.locate>> {
    return this.#context.metadata.request(catalogue.locate, { node: this.#node, version: this.#version, first, blocks }, options)
  }

  #named(error: unknown): GliderError {
    const known = GliderError.from(error)
    if (known.code !== 'BLOCK_GONE') return known
    return new GliderError('BLOCK_GONE', `${this.path} was deleted or replaced while it was being read: open it again`, {
      cause: known,
    })
  }
}
