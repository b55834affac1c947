import type { CallOptions } from '../actions/store.ts'
import { type AnswerOf, catalogue } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { BlockChain } from './block-chain.ts'
import type { BlockRef } from './block-io.ts'
import type { ClientContext } from './context.ts'
import { LossWatch } from './loss-watch.ts'

/** Blocks are asked for ahead of need: so many at first, then a quarter of what has been used, up to a limit. */
export const FIRST_BLOCKS = 2
const MOST_BLOCKS_AHEAD = 32

type Opened = AnswerOf<typeof catalogue.openWrite>

/**
 * The blocks of a write claim. Always holds: bytes that were acknowledged are on the block that the claim has at their index,
 * or the writer has been told that they are lost. While nothing of a block was acknowledged, its writer still has all its
 * bytes, so a block whose server does not answer is exchanged for another.
 */
export class ClaimBlocks {
  readonly #context: ClientContext
  readonly #claim: string
  readonly #path: string
  readonly #chain = new BlockChain()
  /** Blocks that the file had when the claim was taken. */
  readonly #existing: number
  /** Index of the first block that the claim does not have yet. */
  #next: number
  #extending: Promise<void> | undefined
  readonly #exchanging = new Map<number, Promise<void>>()
  readonly #watch: LossWatch
  #lost: GliderError | undefined
  /** Told once of acknowledged bytes that are lost. */
  onLost: ((error: GliderError) => void) | undefined

  /** @param existing how many of the first blocks are committed already */
  constructor(context: ClientContext, opened: Opened, existing: number) {
    this.#context = context
    this.#claim = opened.claim
    this.#path = opened.path
    this.#chain.add(opened.first, opened)
    this.#existing = existing
    this.#next = Math.max(existing, opened.first + opened.locations.length)
    this.#watch = new LossWatch(context.connections, {
      check: (index, options) => this.#locate(index, options),
      lost: error => {
        this.#lost = error
        this.onLost?.(error)
      },
    })
  }

  /** Writes within the block at `index`. */
  write(index: number, offset: number, bytes: Uint8Array, options: CallOptions): Promise<void> {
    if (this.#lost) return Promise.reject(this.#lost)
    const block = this.#chain.get(index)
    // Asked for ahead, so that a long write does not wait for the metadata server.
    if (index + ahead(index) > this.#next) this.#extendAhead(index, options)
    if (block) return this.#write(block, index, offset, bytes, options)
    return this.#obtain(index, options).then(ref => this.#write(ref, index, offset, bytes, options))
  }

  /** Reads within the block at `index`: what the file had, or what was acknowledged here. */
  async read(index: number, offset: number, into: Uint8Array, options: CallOptions): Promise<void> {
    if (this.#lost) throw this.#lost
    const block = this.#chain.get(index) ?? (await this.#obtain(index, options))
    try {
      await this.#context.blocks.read(block, offset, into, options, () => this.#locate(index, options))
    } catch (error) {
      const known = GliderError.from(error)
      if (known.code !== 'BLOCK_GONE') throw known
      // Where the server of the block has died and come back empty, that is told.
      await this.#locate(index, options)
      throw this.#deleted(known)
    }
  }

  /** Resolves once nothing is being asked for that a commit would have to know of. */
  async settle(): Promise<void> {
    await this.#extending?.catch(ignore)
    this.#watch.stop()
  }

  async #write(first: BlockRef, index: number, offset: number, bytes: Uint8Array, options: CallOptions): Promise<void> {
    let block = first
    for (;;) {
      try {
        await this.#attempt(block, index, offset, bytes, options)
      } catch (error) {
        block = await this.#after(GliderError.from(error), block, index, options)
        continue
      }
      const exchanging = this.#exchanging.get(index)
      if (exchanging) await exchanging.catch(ignore)
      const now = this.#chain.get(index)
      if (now === undefined || now === block) break
      // Meanwhile it was exchanged for another, so it has to go there.
      block = now
    }
    if (block.written) return
    block.written = true
    this.#watch.add(block, index)
  }

  #attempt(block: BlockRef, index: number, offset: number, bytes: Uint8Array, options: CallOptions): Promise<void> {
    return this.#context.blocks.write(block, offset, bytes, options, () => this.#check(block, index, options))
  }

  /** The block to go on with after a failure, if there is one. */
  async #after(error: GliderError, block: BlockRef, index: number, options: CallOptions): Promise<BlockRef> {
    if (error.code !== 'UNAVAILABLE' && error.code !== 'BLOCK_GONE') throw error
    if (error.code === 'BLOCK_GONE') await this.#reconsider(block, index, options)
    const now = this.#chain.get(index)
    if (now && now !== block) return now
    if (error.code === 'UNAVAILABLE') throw error
    throw this.#deleted(error)
  }

  /** To a writer, a block that has gone is a file that has. */
  #deleted(cause: GliderError): GliderError {
    return new GliderError('NOT_FOUND', `${this.#path} was deleted while it was being written: create it again`, { cause })
  }

  /** Between two attempts to reach the block's server: throws where another attempt makes no sense. */
  async #check(block: BlockRef, index: number, options: CallOptions): Promise<void> {
    await this.#reconsider(block, index, options)
    if (this.#chain.get(index) !== block) throw new GliderError('BLOCK_GONE', 'the block was exchanged for another')
  }

  /** @throws GliderError DATA_LOST where its server is dead and has acknowledged bytes of it */
  async #reconsider(block: BlockRef, index: number, options: CallOptions): Promise<void> {
    if (this.#chain.get(index) !== block) return
    if (block.written || index < this.#existing) {
      await this.#locate(index, options)
      return
    }
    let exchanging = this.#exchanging.get(index)
    if (!exchanging) {
      exchanging = this.#exchange(block, index, options).finally(() => this.#exchanging.delete(index))
      this.#exchanging.set(index, exchanging)
    }
    await exchanging
  }

  async #exchange(block: BlockRef, index: number, options: CallOptions): Promise<void> {
    const location = block.location.toString('base64url')
    const asked = this.#context.metadata.request(catalogue.replaceBlock, { claim: this.#claim, location }, options)
    const batch = await asked.catch((error: unknown) => this.#withoutRoom(error, options))
    if (batch.locations[0] !== location) this.#chain.add(index, batch)
  }

  #extendAhead(index: number, options: CallOptions): void {
    // Within the bytes that were there nothing more is needed.
    if (this.#extending || index < this.#existing) return
    // What cannot be had ahead may never be needed; where it is, `obtain` asks again and tells.
    this.#extend(ahead(index), options).catch(ignore)
  }

  async #obtain(index: number, options: CallOptions): Promise<BlockRef> {
    for (;;) {
      const block = this.#chain.get(index)
      if (block) return block
      if (index < this.#next) {
        const batch = await this.#locate(index, options)
        // Others may have asked for it as well: the first answer stays, with all that is noted on it.
        if (!this.#chain.get(index)) this.#chain.add(index, batch)
      } else if (this.#extending) await this.#extending.catch(ignore)
      else {
        const extended = this.#extend(Math.min(256, index + 1 - this.#next), options)
        await extended.catch((error: unknown) => this.#withoutRoom(error, options))
      }
    }
  }

  /** That bytes are lost matters more to a writer than that there is no room for others. */
  async #withoutRoom(error: unknown, options: CallOptions): Promise<never> {
    if (GliderError.from(error).code === 'NO_SPACE') await this.#watch.assertKept(options)
    throw error
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
}

function ahead(index: number): number {
  return Math.min(MOST_BLOCKS_AHEAD, Math.max(FIRST_BLOCKS, Math.ceil(index / 4)))
}

function ignore(): void {}
