import type { NodeInfo } from '../protocol/catalogue.ts'
import { unreachable } from '../protocol/errors.ts'
import { describeObject } from './action-object.ts'
import { sizeOf } from './listing.ts'
import type { Node } from './node.ts'

/** A node in the form of the catalogue. */
export function nodeInfo(node: Node, path: string): NodeInfo {
  const info: NodeInfo = {
    node: node.id,
    path,
    type: node.type,
    size: sizeOf(node),
    storageClass: storageClassOf(node),
    createdAt: node.createdAt,
  }
  if (node.type === 'action') info.object = describeObject(node.object)
  return info
}

/** The class that is tried first for what the node holds. */
function storageClassOf(node: Node): string {
  switch (node.type) {
    case 'file':
    case 'keyvalue':
    case 'bag':
    case 'directory':
    case 'table':
      return node.order.classes[0] ?? ''
    case 'action':
      return 'active'
    default:
      return unreachable(node)
  }
}
