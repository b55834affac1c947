import type { AnswerOf, catalogue, HeadOf } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Grant } from '../protocol/grant.ts'
import type { Reply } from '../protocol/peer.ts'
import { type BlockChain, chainAnswer, checkKept } from './block-chain.ts'
import { type BytesNode, chainSlice, type Node, typeMismatch } from './node.ts'
import type { Party } from './party.ts'
import type { NodeName } from './place.ts'
import type { Tree } from './tree.ts'

const DEFAULT_BLOCKS = 8

/** Finding the committed bytes of files and keyvalues. */
export class FileReads {
  readonly #tree: Tree
  readonly #blockBytes: number

  constructor(tree: Tree, blockBytes: number) {
    this.#tree = tree
    this.#blockBytes = blockBytes
  }

  open(head: HeadOf<typeof catalogue.openRead>, { grant }: Party): Reply<AnswerOf<typeof catalogue.openRead>> {
    const { node, path } = this.#target(head)
    return { head: this.#opened(node, path, head.start ?? 0, head.blocks ?? DEFAULT_BLOCKS, grant), body: node.inline }
  }

  get(head: HeadOf<typeof catalogue.get>, { grant }: Party): Reply<AnswerOf<typeof catalogue.get>> {
    const { node, path } = this.#target(head)
    if (node.inline || node.size === 0) return { head: {}, body: node.inline }
    return { head: { opened: this.#opened(node, path, 0, head.blocks ?? DEFAULT_BLOCKS, grant) } }
  }

  /** @throws GliderError BLOCK_GONE where the version that is being read has been freed */
  locate(head: HeadOf<typeof catalogue.locate>, { grant }: Party): BlockChain {
    const found = this.#tree.peek(head.node)
    if (!found) throw new GliderError('BLOCK_GONE', `node ${head.node} was deleted while it was being read`)
    const node = bytesNode(found.node, found.path)
    if (node.version !== head.version)
      throw new GliderError('BLOCK_GONE', `${found.path} was replaced while it was being read: open it again`)
    const blocks = chainSlice(node.chain, head.first, head.first + head.blocks)
    checkKept(blocks, found.path)
    return chainAnswer(blocks, 'read', grant)
  }

  #target(head: NodeName): { node: BytesNode; path: string } {
    const { node, path } = this.#tree.target(head)
    return { node: bytesNode(node, path), path }
  }

  #opened(node: BytesNode, path: string, start: number, most: number, grant: Grant): AnswerOf<typeof catalogue.openRead> {
    const blockBytes = this.#blockBytes
    const first = Math.floor(start / blockBytes)
    const blocks = chainSlice(node.chain, first, first + most)
    checkKept(blocks, path)
    const { id, size, version } = node
    return { node: id, path, size, version, blockBytes, first, ...chainAnswer(blocks, 'read', grant) }
  }
}

function bytesNode(node: Node, path: string): BytesNode {
  if (node.type === 'file' || node.type === 'keyvalue') return node
  throw typeMismatch(path, node.type, 'a file or keyvalue, which have bytes to get')
}
