/** Blocks of either kind, and what clients do with them. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { readHead, writeHead } from '../protocol/block-operations.ts'
import { GliderError } from '../protocol/errors.ts'
import { noGrant } from '../protocol/grant.ts'
import { encodeLocation, type Purpose, sign } from '../protocol/location.ts'
import { Grants } from '../server/grants.ts'
import { Blocks } from './blocks.ts'
import type { StorageKind } from './config.ts'
import { DataDirectory } from './data-directory.ts'
import { DiskStore } from './disk-store.ts'
import { DramStore } from './dram-store.ts'
import type { Place } from './place-pool.ts'

export const INCARNATION = 'abcdefghijkl'
export const BLOCK_BYTES = 64 << 10
const proofKey = Buffer.alloc(32, 7)

/** A write whose bytes have not arrived yet. */
export interface BegunWrite {
  /** The bytes arrive and are kept. */
  finish(bytes: Buffer): Promise<void>
  /** The connection goes before they do. */
  abandon(): void
}

export class TestServer implements AsyncDisposable {
  readonly blocks: Blocks
  readonly #close: () => Promise<void>

  private constructor(blocks: Blocks, close: () => Promise<void>) {
    this.blocks = blocks
    this.#close = close
  }

  static async start(kind: StorageKind, count = 4): Promise<TestServer> {
    const shared = {
      capacityBytes: count * BLOCK_BYTES,
      blockBytes: BLOCK_BYTES,
      incarnation: INCARNATION,
      proofKey,
      grants: new Grants(),
    }
    if (kind === 'dram') return new TestServer(new Blocks({ ...shared, store: new DramStore(BLOCK_BYTES) }), async () => {})
    const folder = await mkdtemp(path.join(tmpdir(), 'glider-test-'))
    const directory = await DataDirectory.open(folder, shared.capacityBytes, INCARNATION)
    const blocks = new Blocks({ ...shared, store: new DiskStore(directory.files, BLOCK_BYTES) })
    return new TestServer(blocks, async () => {
      await blocks.store.idle()
      await directory.close()
      await rm(folder, { recursive: true })
    })
  }

  beginWrite(location: Buffer, offset: number, length: number): BegunWrite {
    const { blocks } = this
    const pinned = blocks.beginWrite(writeHead(location, offset), offset, length)
    const memory = blocks.store.land(pinned.place, offset, length)
    return {
      async finish(bytes) {
        bytes.copy(memory)
        await blocks.store.keep(pinned.place, offset, memory)
        blocks.endWrite(pinned, offset, length)
      },
      abandon() {
        blocks.store.drop(memory)
        blocks.unpin(pinned.place)
      },
    }
  }

  async write(location: Buffer, offset: number, bytes: Buffer): Promise<void> {
    await this.beginWrite(location, offset, bytes.length).finish(bytes)
  }

  /** Finds the bytes; they are fetched, or seen, when the answer is called. */
  beginRead(location: Buffer, offset: number, length: number): () => Promise<Buffer> {
    const { blocks } = this
    const place: Place = blocks.beginRead(readHead(location, offset, length), offset, length)
    return async () => {
      const fetched = await blocks.store.fetch(place, offset, length)
      const copy = Buffer.from(fetched)
      blocks.store.sent(fetched)
      blocks.unpin(place)
      return copy
    }
  }

  async read(location: Buffer, offset: number, length: number): Promise<Buffer> {
    return this.beginRead(location, offset, length)()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close()
  }
}

export function locate(block: number, counter: number, purpose: Purpose = 'write', incarnation = INCARNATION): Buffer {
  return encodeLocation(sign({ incarnation, block, generation: { epoch: 1, counter }, purpose, grant: noGrant }, proofKey))
}

export async function codeOf(run: () => unknown): Promise<string> {
  try {
    await run()
  } catch (error) {
    return GliderError.from(error).code
  }
  return 'no error'
}
