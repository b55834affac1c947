import type { Connection } from '../protocol/peer.ts'
import type { Namespace } from './namespace.ts'
import type { Party } from './party.ts'

/** Who asks for an operation. */
export interface Caller extends Party {
  /** What the operation is about. */
  readonly namespace: Namespace
}

export function callerOf(connection: Connection, namespace: Namespace): Caller {
  return { namespace, clientId: connection.peer.clientId, onGone: listener => connection.onClose(listener) }
}

/** Over REST nobody stays connected, so nothing can belong to a caller. */
export function restCaller(namespace: Namespace): Caller {
  return { namespace, clientId: undefined, onGone: () => () => {} }
}
