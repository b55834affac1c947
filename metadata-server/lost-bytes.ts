import { type Chain, chainLength, chainSlice, type Node } from './node.ts'
import { isLost } from './servers.ts'

/** How many of a node's committed bytes were on servers that are gone. */
export function lostBytesOf(node: Node, blockBytes: number): number {
  switch (node.type) {
    case 'file':
    case 'keyvalue':
      return lostInChain(node.chain, node.size, blockBytes)
    case 'bag':
      return node.parts.reduce((sum, { chain, size }) => sum + lostInChain(chain, size, blockBytes), 0)
    default:
      return 0
  }
}

function lostInChain(chain: Chain, size: number, blockBytes: number): number {
  let lost = 0
  const blocks = Array.isArray(chain) ? chain : chainSlice(chain, 0, chainLength(chain))
  for (const [index, { space }] of blocks.entries()) {
    if (isLost(space.server)) lost += Math.min(blockBytes, size - index * blockBytes)
  }
  return lost
}
