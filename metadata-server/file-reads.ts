import type { AnswerOf, catalogue, HeadOf } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { type BlockChain, chainAnswer, checkKept } from './block-chain.ts'
import { chainSlice, typeMismatch } from './node.ts'
import type { Tree } from './tree.ts'

const DEFAULT_BLOCKS = 8

/** Finding the committed bytes of files. */
export class FileReads {
  readonly #tree: Tree
  readonly #blockBytes: number

  constructor(tree: Tree, blockBytes: number) {
    this.#tree = tree
    this.#blockBytes = blockBytes
  }

  open(head: HeadOf<typeof catalogue.openRead>): AnswerOf<typeof catalogue.openRead> {
    const { node: file, path } = this.#tree.target(head)
    if (file.type !== 'file') throw typeMismatch(path, file.type, 'one with bytes to read')
    const first = Math.floor((head.start ?? 0) / this.#blockBytes)
    const blocks = chainSlice(file.chain, first, first + (head.blocks ?? DEFAULT_BLOCKS))
    checkKept(blocks, path)
    const { size, version } = file
    return { node: file.id, path, size, version, blockBytes: this.#blockBytes, first, ...chainAnswer(blocks, 'read') }
  }

  /** @throws GliderError BLOCK_GONE where the version that is being read has been freed */
  locate(head: HeadOf<typeof catalogue.locate>): BlockChain {
    const found = this.#tree.peek(head.node)
    if (!found) throw new GliderError('BLOCK_GONE', `node ${head.node} was deleted while it was being read`)
    const { node: file, path } = found
    if (file.type !== 'file') throw typeMismatch(path, file.type, 'one with bytes to read')
    if (file.version !== head.version)
      throw new GliderError('BLOCK_GONE', `${path} was replaced while it was being read: open it again`)
    const blocks = chainSlice(file.chain, head.first, head.first + head.blocks)
    checkKept(blocks, path)
    return chainAnswer(blocks, 'read')
  }
}
