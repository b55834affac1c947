import type { Call } from '../protocol/peer.ts'

/** Who asks for an operation. */
export interface Caller {
  /** Whom kept answers belong to; none over REST. */
  readonly clientId: string | undefined
  /** `listener` runs once when the caller has gone, at once if it has; the answer takes it off again. */
  onGone(listener: () => void): () => void
}

export function callerOf(call: Call): Caller {
  const { connection } = call
  return { clientId: connection.peer.clientId, onGone: listener => connection.onClose(listener) }
}

/** Over REST nobody stays connected, so nothing can belong to a caller. */
export const restCaller: Caller = { clientId: undefined, onGone: () => () => {} }
