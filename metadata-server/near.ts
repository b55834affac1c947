import { unreachable } from '../protocol/errors.ts'
import { type Chain, chainSlice, type Node } from './node.ts'
import type { ServerRecord } from './servers.ts'
import type { Tree } from './tree.ts'

/**
 * The server that `near: path` asks for: it holds the beginning of what is there. A wish and no condition: undefined where
 * nothing is there, or what is there is on no server.
 * @throws GliderError INVALID_PATH
 */
export function nearServer(tree: Tree, path: string | undefined): ServerRecord | undefined {
  const node = path === undefined ? undefined : tree.find(path)
  return node && serverOf(node)
}

function serverOf(node: Node): ServerRecord | undefined {
  switch (node.type) {
    case 'file':
    case 'keyvalue':
      return firstOf(node.chain)
    case 'bag':
      return firstOf(node.parts[0]?.chain)
    case 'action':
      return node.object?.server
    case 'directory':
    case 'table':
      return undefined
    default:
      return unreachable(node)
  }
}

function firstOf(chain: Chain): ServerRecord | undefined {
  return chainSlice(chain, 0, 1)[0]?.space.server
}
