import type { NodeStat } from '../actions/store.ts'
import type { NodeInfo } from '../protocol/catalogue.ts'
import type { ClientContext } from './context.ts'
import { dateOf } from './date.system.ts'

/** What is told of a node. Where its object is seen to be ending, the way to it that was remembered is not taken any more. */
export function statOf({ links }: ClientContext, { node, createdAt, object, ...info }: NodeInfo): NodeStat {
  if (object && object.state !== 'live') links.forget(node)
  return { ...info, createdAt: dateOf(createdAt), ...(object && { object }) }
}
