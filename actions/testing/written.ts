import { invariant } from '../../protocol/errors.ts'
import type { ChunkSource, LentChunk } from '../source.ts'

type Chunk = string | Uint8Array

/** What a test writes: all at once, or in chunks. */
export type Written = Chunk | Iterable<Chunk> | AsyncIterable<Chunk>

/** Fills memory that was given back, so that an action which keeps lent bytes is found out. */
const POISON = 0xdb

/** A source over what a test writes. Each chunk is lent as a copy that is spoiled when it is released. */
export class WrittenSource implements ChunkSource {
  readonly #chunks: Iterator<Chunk> | AsyncIterator<Chunk>

  constructor(written: Written) {
    if (typeof written === 'string' || written instanceof Uint8Array) this.#chunks = [written][Symbol.iterator]()
    else if (Symbol.asyncIterator in written) this.#chunks = written[Symbol.asyncIterator]()
    else this.#chunks = written[Symbol.iterator]()
  }

  async next(): Promise<LentChunk | undefined> {
    const next: IteratorResult<Chunk, unknown> = await this.#chunks.next()
    return next.done ? undefined : lend(next.value)
  }

  /** The rest is not wanted. */
  close(): void {
    void this.#chunks.return?.()
  }
}

function lend(chunk: Chunk): LentChunk {
  const bytes = Buffer.from(chunk)
  let released = false
  return {
    bytes,
    release() {
      invariant(!released, 'a chunk is released once')
      released = true
      bytes.fill(POISON)
    },
  }
}
