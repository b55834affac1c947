/** Somebody who asks, and may go. */
export interface Party {
  /** Whom kept answers belong to; none over REST. */
  readonly clientId: string | undefined
  /** `listener` runs once when the caller has gone, at once if it has; the answer takes it off again. */
  onGone(listener: () => void): () => void
}
