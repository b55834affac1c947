import type { NodeStat } from '../actions/store.ts'
import type { NodeInfo } from '../protocol/catalogue.ts'
import { dateOf } from './date.system.ts'

export function statOf({ node: _node, createdAt, object, ...info }: NodeInfo): NodeStat {
  return { ...info, createdAt: dateOf(createdAt), ...(object && { object }) }
}
