import { catalogue } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Handlers } from '../protocol/peer.ts'
import type { Grants } from './grants.ts'

/** Binds what the metadata server tells of tokens. */
export function bindGrants(handlers: Handlers, grants: Grants): void {
  handlers.answer(catalogue.revokeTokens, ({ least }, { connection }) => {
    if (connection.peer.role !== 'metadata') throw new GliderError('FORBIDDEN', 'only the metadata server takes tokens back')
    grants.revoke(least)
    return {}
  })
}
