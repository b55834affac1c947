import type { NodeStat } from '../actions/store.ts'
import type { NodeInfo } from '../protocol/catalogue.ts'
import type { ClientContext } from './context.ts'
import { dateOf } from './date.system.ts'

export function statOf({ links }: ClientContext, { node, createdAt, object, ...info }: NodeInfo): NodeStat {
  if (object && object.state !== 'live') links.forget(node)
  return { ...info, createdAt: dateOf(createdAt), ...(object && { object }) }
}
