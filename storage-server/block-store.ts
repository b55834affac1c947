import type { Place } from './place-pool.ts'

/**
 * Keeps the bytes of blocks, and nothing else: whose they are, and who may have them, is for {@link Blocks}. What is done at
 * once is answered without a promise.
 */
export interface BlockStore<P extends Place = Place> {
  /** Room for one more block. */
  makePlace(): P
  /** Where the bytes of a write are to be received: the place itself, or memory that is lent until `keep` or `drop`. */
  land(place: P, offset: number, length: number): Buffer
  /** Keeps bytes that have landed. */
  keep(place: P, offset: number, landed: Buffer): Promise<void> | undefined
  /** Nobody wants the bytes that were to land. */
  drop(landed: Buffer): void
  /** The bytes of a range, lent until `sent`. */
  fetch(place: P, offset: number, length: number): Buffer | Promise<Buffer>
  sent(fetched: Buffer): void
  /** So much is under way that whoever asks for more should be made to wait. */
  readonly busy: boolean
  /** Resolves once nothing is under way. */
  idle(): Promise<void>
}
