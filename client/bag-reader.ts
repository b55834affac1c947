import type { Readable } from 'node:stream'
import type { CallOptions, ReadStreamOptions } from '../actions/store.ts'
import { type AnswerOf, catalogue, type HeadOf } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { BlockChain } from './block-chain.ts'
import type { BlockRef } from './block-io.ts'
import type { ClientContext, Target } from './context.ts'
import { CHUNK_BYTES, ReadAhead } from './read-ahead.ts'

/** More than for a file: parts may be small. */
const IN_FLIGHT = 16
/** The first page comes with the opening; those behind it are asked for ahead of need. */
const PAGE_BLOCKS = 128

/** Gives every part that was committed when the stream opened, one after another. */
export function bagReadStream(context: ClientContext, target: Target, options: ReadStreamOptions = {}): Readable {
  return new BagReader(context, target, options.signal)
}

type Head = HeadOf<typeof catalogue.locateParts>

/** Blocks of a bag in their order, as one request tells them. */
interface Page {
  readonly blocks: BlockChain
  readonly lengths: readonly number[]
  /** What it was asked with. */
  readonly head: Head
  readonly answer: AnswerOf<typeof catalogue.locateParts>
}

/** Bytes that one read takes. */
interface Piece {
  readonly page: Page
  readonly block: BlockRef
  readonly offset: number
  readonly length: number
}

class BagReader extends ReadAhead {
  readonly #context: ClientContext
  readonly #target: Target
  /** As it was told last. */
  #path = 'the bag'
  #page: Page | undefined
  /** Asked for while the page before it is being read. */
  #nextPage: Promise<Page> | undefined
  /** In the page: the block that is being read, and how much of it has been begun. */
  #block = 0
  #offset = 0
  /** Pieces are taken one after another, or the bytes of a part would change places. */
  #taking: Promise<unknown> = Promise.resolve()
  #ended = false

  constructor(context: ClientContext, target: Target, signal: AbortSignal | undefined) {
    super(IN_FLIGHT, signal)
    this.#context = context
    this.#target = target
  }

  protected override async open(): Promise<void> {
    this.#page = await this.#ask({ ...this.#target, blocks: PAGE_BLOCKS })
    this.#context.counters.transfers++
    this.#askAhead(this.#page)
  }

  protected override begin(): Promise<Buffer | undefined> | undefined {
    if (this.#ended) return undefined
    const taking = this.#taking.then(() => this.#take())
    this.#taking = taking
    return taking.then(piece => piece && this.#read(piece))
  }

  /** The next bytes, turning the page where this one is at its end. */
  async #take(): Promise<Piece | undefined> {
    for (;;) {
      const page = this.#page
      if (!page) throw new GliderError('INTERNAL', 'a bag is read before it was opened')
      const length = page.lengths[this.#block]
      const block = page.blocks.get(this.#block)
      if (length === undefined || !block) {
        if (!this.#nextPage) {
          this.#ended = true
          return undefined
        }
        this.#page = await this.#nextPage
        this.#block = 0
        this.#askAhead(this.#page)
        continue
      }
      const offset = this.#offset
      const piece = { page, block, offset, length: Math.min(CHUNK_BYTES, length - offset) }
      this.#offset += piece.length
      if (this.#offset === length) {
        this.#block += 1
        this.#offset = 0
      }
      return piece
    }
  }

  #askAhead({ answer: { next, node, parts } }: Page): void {
    this.#nextPage = next && this.#ask({ node, parts, next, blocks: PAGE_BLOCKS })
    // It may never be waited for.
    this.#nextPage?.catch(() => undefined)
  }

  async #ask(head: Head): Promise<Page> {
    const asked = this.#context.metadata.request(catalogue.locateParts, head, this.options)
    const answer = await asked.catch((error: unknown) => {
      const known = GliderError.from(error)
      throw known.code === 'BLOCK_GONE' ? this.#gone(known) : known
    })
    this.#path = answer.path
    const blocks = new BlockChain()
    blocks.add(0, answer)
    return { blocks, lengths: answer.lengths, head, answer }
  }

  #gone(cause: GliderError): GliderError {
    return new GliderError('BLOCK_GONE', `${this.#path} was deleted while it was being read`, { cause })
  }

  async #read({ page, block, offset, length }: Piece): Promise<Buffer> {
    const into = Buffer.allocUnsafeSlow(length)
    const options: CallOptions = this.options
    try {
      // Asking for the page again tells whether its servers still count as alive.
      await this.#context.blocks.read(block, offset, into, options, () => this.#ask({ ...page.head, parts: page.answer.parts }))
    } catch (error) {
      const known = GliderError.from(error)
      if (known.code !== 'BLOCK_GONE') throw known
      // Where a server has died and come back empty, asking again tells that.
      const { node, parts } = page.answer
      await this.#ask({ node, parts, next: page.head.next ?? [0, 0], blocks: PAGE_BLOCKS })
      throw this.#gone(known)
    }
    return into
  }
}
