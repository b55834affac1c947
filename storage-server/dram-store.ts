import type { BlockStore } from './block-store.ts'
import type { Place } from './place-pool.ts'

/** The memory of one block. */
export class BlockMemory implements Place {
  readonly bytes: Buffer
  pins = 0
  retired = false

  constructor(blockBytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(blockBytes)
  }
}

/** Keeps blocks in memory: bytes are received straight into their block, and sent from it. */
export class DramStore implements BlockStore<BlockMemory> {
  readonly busy = false
  readonly #blockBytes: number

  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes
  }

  makePlace(): BlockMemory {
    return new BlockMemory(this.#blockBytes)
  }

  land(place: BlockMemory, offset: number, length: number): Buffer {
    return place.bytes.subarray(offset, offset + length)
  }

  /** Writes to memory that nobody has written to yet. */
  touch(place: BlockMemory, offset: number, length: number): void {
    place.bytes.fill(0, offset, offset + length)
  }

  keep(): undefined {}

  drop(): void {}

  fetch(place: BlockMemory, offset: number, length: number): Buffer {
    return place.bytes.subarray(offset, offset + length)
  }

  sent(): void {}

  idle(): Promise<void> {
    return Promise.resolve()
  }
}
