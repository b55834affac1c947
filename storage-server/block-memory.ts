/** The memory of one block. Pinned while the kernel may still read from it or write into it. */
export class BlockMemory {
  readonly bytes: Buffer
  pins = 0
  /** No block has it any more: it goes back to the pool with its last pin. */
  retired = false

  constructor(blockBytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(blockBytes)
  }
}

/**
 * Memory taken from the machine as needed and used again last in, first out: what was touched last is warm. Always holds: the
 * memory of a block is given to another only when nothing is pinned, so that nobody is sent, or overwrites, foreign bytes.
 */
export class BlockMemoryPool {
  readonly #blockBytes: number
  readonly #spare: BlockMemory[] = []

  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes
  }

  take(): BlockMemory {
    const memory = this.#spare.pop() ?? new BlockMemory(this.#blockBytes)
    memory.retired = false
    return memory
  }

  retire(memory: BlockMemory): void {
    memory.retired = true
    if (memory.pins === 0) this.#spare.push(memory)
  }

  unpin(memory: BlockMemory): void {
    memory.pins--
    if (memory.retired && memory.pins === 0) this.#spare.push(memory)
  }
}
