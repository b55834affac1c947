/** What stands between the hooks of an action and whatever carries its bytes: frames and threads, or the test of an author. */

/** Bytes that belong to somebody else until `release` is called; after it the memory holds something else. */
export interface LentChunk {
  /** May stand on a SharedArrayBuffer. */
  readonly bytes: Buffer
  /** Whether nobody else will ever use the memory: it may be kept after `release` as well. */
  readonly isOwn?: boolean
  /** Gives the memory back, and with it the credit. Called exactly once. */
  release(): void
}

/** Where the bytes of a write stream come from. */
export interface ChunkSource {
  /**
   * The next chunk, or undefined at the end; at once where there is one already. A rejection means that the writer died. Not
   * called again before the last answer, nor after the end or a rejection.
   */
  next(): LentChunk | undefined | Promise<LentChunk | undefined>
  /** Chunks will be kept: a source that can may give them in memory of their own. */
  keeps?(): void
}

/** Where the bytes of a read stream go. */
export interface ChunkSink {
  /**
   * The bytes are taken, in order of the calls, once it resolves: until then the memory belongs to the sink. It resolves when
   * credit allows more; nothing returned means at once. A rejection means that the reader has gone.
   */
  write(bytes: Uint8Array): Promise<void> | void
  /** The same for bytes in shared memory, which a sink that can sends out of it: it resolves once they have left. */
  lend?(bytes: Uint8Array): Promise<void>
}
