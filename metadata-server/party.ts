import type { Grant } from '../protocol/grant.ts'

/** Somebody who asks, and may go. */
export interface Party {
  /** Whom kept answers belong to; none over REST. */
  readonly clientId: string | undefined
  /** What is said of it in the locations that it is given. */
  readonly grant: Grant
  /** `listener` runs once when the caller has gone, at once if it has; the answer takes it off again. */
  onGone(listener: () => void): () => void
}
