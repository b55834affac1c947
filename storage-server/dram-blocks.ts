import { GliderError, invariant } from '../protocol/errors.ts'
import { compareGenerations, type Generation } from '../protocol/generation.ts'
import { LOCATION_BYTES, type Purpose, readLocation, verifyProof } from '../protocol/location.ts'
import { Ranges } from '../protocol/ranges.ts'
import { type BlockMemory, BlockMemoryPool } from './block-memory.ts'

const BLOCK_NUMBER_AT = 12

class Block {
  generation: Generation = { epoch: 0, counter: 0 }
  /** Given back under `generation`: everything is gone until a higher one. */
  freed = true
  memory: BlockMemory | undefined
  readonly written = new Ranges()
  /** Binary locations that have been verified: warm operations compare instead of computing the proof. */
  verifiedRead: Buffer | undefined
  verifiedWrite: Buffer | undefined
}

/** A range of a block in use by one operation, pinned until {@link DramBlocks.endWrite} or {@link DramBlocks.unpin}. */
export interface Pinned {
  readonly block: Block
  readonly memory: BlockMemory
}

/**
 * The blocks of one DRAM server. Always holds, per block: only the highest generation ever honoured can be read or written,
 * and only what was written under it can be read.
 */
export class DramBlocks {
  readonly blockBytes: number
  readonly #count: number
  readonly #incarnation: string
  readonly #proofKey: Buffer
  readonly #blocks: (Block | undefined)[] = []
  readonly #pool: BlockMemoryPool
  #held = 0

  constructor(options: { capacityBytes: number; blockBytes: number; incarnation: string; proofKey: Buffer }) {
    this.blockBytes = options.blockBytes
    this.#count = Math.floor(options.capacityBytes / options.blockBytes)
    this.#incarnation = options.incarnation
    this.#proofKey = options.proofKey
    this.#pool = new BlockMemoryPool(options.blockBytes)
  }

  /** Blocks that hold bytes. */
  get held(): number {
    return this.#held
  }

  get count(): number {
    return this.#count
  }

  /** Finds a block's memory for a write of a range and pins it. Throws FORBIDDEN, BLOCK_GONE or INVALID_ARGUMENT. */
  beginWrite(head: Buffer, offset: number, length: number): Pinned {
    const block = this.#open(head, 'write', offset, length)
    if (!block.memory) {
      block.memory = this.#pool.take()
      this.#held++
    }
    block.memory.pins++
    return { block, memory: block.memory }
  }

  /** The bytes of a write have landed. BLOCK_GONE where the block was freed, or given to another, meanwhile. */
  endWrite(pinned: Pinned, offset: number, length: number): void {
    const { block, memory } = pinned
    this.#pool.unpin(memory)
    if (block.memory !== memory) throw gone()
    block.written.add(offset, offset + length)
  }

  /** Finds a range and pins its memory for as long as it takes to send it. */
  beginRead(head: Buffer, offset: number, length: number): BlockMemory {
    const block = this.#open(head, 'read', offset, length)
    if (!block.memory || !block.written.covers(offset, offset + length)) throw gone()
    block.memory.pins++
    return block.memory
  }

  unpin(memory: BlockMemory): void {
    this.#pool.unpin(memory)
  }

  /** Everything on the block is gone until a higher generation; a lower one than the block's own says nothing. */
  free(number: number, generation: Generation): void {
    if (number >= this.#count) return
    const block = this.#at(number)
    if (compareGenerations(generation, block.generation) < 0) return
    block.generation = generation
    this.#empty(block)
    block.freed = true
  }

  /** The metadata server does not know what is here: it is nobody's. */
  freeAll(): void {
    for (const block of this.#blocks) {
      if (!block) continue
      this.#empty(block)
      block.freed = true
    }
  }

  #open(head: Buffer, need: 'read' | 'write', offset: number, length: number): Block {
    const number = head.readUInt32LE(BLOCK_NUMBER_AT)
    const known = number < this.#count ? this.#at(number) : undefined
    const verified = known && (isVerified(known.verifiedWrite, head) || (need === 'read' && isVerified(known.verifiedRead, head)))
    const block = verified ? known : this.#verify(head, need, known)
    if (block.freed) throw gone()
    if (offset + length > this.blockBytes) {
      throw new GliderError(
        'INVALID_ARGUMENT',
        `bytes ${offset} to ${offset + length} are not within a block of ${this.blockBytes}`,
      )
    }
    return block
  }

  /** The slow way in: proves the location, honours its generation and remembers it. */
  #verify(head: Buffer, need: 'read' | 'write', block: Block | undefined): Block {
    const location = readLocation(head)
    if (location.incarnation !== this.#incarnation) throw gone()
    verifyProof(location, this.#proofKey)
    if (!allows(location.purpose, need)) {
      throw new GliderError('FORBIDDEN', `this location is for ${location.purpose}, not for ${need}`)
    }
    invariant(block, `block ${location.block} was given out, but this server has ${this.#count}`)
    const order = compareGenerations(location.generation, block.generation)
    if (order < 0) throw gone()
    if (order > 0) {
      this.#empty(block)
      block.generation = location.generation
      block.freed = false
    }
    const remembered = Buffer.from(head.subarray(0, LOCATION_BYTES))
    if (location.purpose === 'write') block.verifiedWrite = remembered
    else block.verifiedRead = remembered
    return block
  }

  #at(number: number): Block {
    let block = this.#blocks[number]
    if (!block) {
      block = new Block()
      this.#blocks[number] = block
    }
    return block
  }

  #empty(block: Block): void {
    block.written.clear()
    block.verifiedRead = undefined
    block.verifiedWrite = undefined
    if (!block.memory) return
    this.#pool.retire(block.memory)
    block.memory = undefined
    this.#held--
  }
}

function isVerified(remembered: Buffer | undefined, head: Buffer): boolean {
  return remembered !== undefined && remembered.compare(head, 0, LOCATION_BYTES) === 0
}

function allows(purpose: Purpose, need: 'read' | 'write'): boolean {
  return purpose === 'write' || purpose === need
}

function gone(): GliderError {
  return new GliderError('BLOCK_GONE', 'the block has been freed since its location was given out: look the node up again')
}
