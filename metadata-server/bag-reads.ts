import type { AnswerOf, catalogue, HeadOf } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { chainAnswer, checkKept } from './block-chain.ts'
import type { Block } from './blocks.ts'
import { chainLength, chainSlice, typeMismatch } from './node.ts'
import type { Party } from './party.ts'
import type { Target } from './place.ts'
import type { Tree } from './tree.ts'

const DEFAULT_BLOCKS = 64

/** Finding the parts of bags. Parts are only ever added behind the others, so that their number names a state of the bag. */
export class BagReads {
  readonly #tree: Tree
  readonly #blockBytes: number

  constructor(tree: Tree, blockBytes: number) {
    this.#tree = tree
    this.#blockBytes = blockBytes
  }

  /** @throws GliderError BLOCK_GONE where the bag was deleted since its first blocks were asked for */
  locate(head: HeadOf<typeof catalogue.locateParts>, { grant }: Party): AnswerOf<typeof catalogue.locateParts> {
    const { node: bag, path } = this.#target(head)
    if (bag.type !== 'bag') throw typeMismatch(path, bag.type, 'a bag')
    const parts = Math.min(head.parts ?? bag.parts.length, bag.parts.length)
    const most = head.blocks ?? DEFAULT_BLOCKS
    const blocks: Block[] = []
    const lengths: number[] = []
    let [at, from] = head.next ?? [0, 0]
    while (at < parts && blocks.length < most) {
      const part = bag.parts[at]
      if (!part) break
      for (const block of chainSlice(part.chain, from, from + most - blocks.length)) {
        blocks.push(block)
        lengths.push(Math.min(this.#blockBytes, part.size - from * this.#blockBytes))
        from += 1
      }
      if (from < chainLength(part.chain)) break
      at += 1
      from = 0
    }
    checkKept(blocks, path)
    const answer = { node: bag.id, path, parts, lengths, ...chainAnswer(blocks, 'read', grant) }
    return at < parts ? { ...answer, next: [at, from] } : answer
  }

  #target(head: HeadOf<typeof catalogue.locateParts>): Target {
    if (head.next === undefined || head.node === undefined) return this.#tree.target(head)
    const found = this.#tree.peek(head.node)
    if (!found) throw new GliderError('BLOCK_GONE', `the bag ${head.node} was deleted while it was being read`)
    return found
  }
}
