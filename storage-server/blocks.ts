import { GliderError, invariant } from '../protocol/errors.ts'
import { compareGenerations, type Generation } from '../protocol/generation.ts'
import { INVENTORY_ROWS, type InventoryRow } from '../protocol/inventory.ts'
import { BLOCK_NUMBER_AT, LOCATION_BYTES, type Purpose, readLocation, verifyProof } from '../protocol/location.ts'
import { Ranges } from '../protocol/ranges.ts'
import { type Admission, checkHolds, type Grants, type Guest } from '../server/grants.ts'
import type { BlockStore } from './block-store.ts'
import { type Place, PlacePool } from './place-pool.ts'

/** A location whose proof was verified, in binary form. */
interface Verified {
  readonly bytes: Buffer
  readonly admission: Admission
}

class Block<P extends Place> {
  generation: Generation = { epoch: 0, counter: 0 }
  /** Given back under `generation`: everything is gone until a higher one. */
  freed = true
  place: P | undefined
  readonly written = new Ranges()
  /** Binary locations that have been verified: warm operations compare instead of computing the proof. */
  verifiedRead: Verified | undefined
  verifiedWrite: Verified | undefined
}

/** A block that is being written, pinned until {@link Blocks.endWrite} or {@link Blocks.unpin}. */
export interface Pinned<P extends Place> {
  readonly block: Block<P>
  readonly place: P
}

export interface BlocksOptions<P extends Place> {
  readonly store: BlockStore<P>
  readonly capacityBytes: number
  readonly blockBytes: number
  readonly incarnation: string
  readonly proofKey: Buffer
  readonly grants: Grants
}

/**
 * Whose the blocks of one server are, wherever their bytes are kept. Always holds, per block: only the highest generation
 * ever honoured can be read or written, and only what was written under it can be read.
 */
export class Blocks<P extends Place = Place> {
  readonly store: BlockStore<P>
  readonly blockBytes: number
  readonly pool: PlacePool<P>
  readonly #count: number
  readonly #incarnation: string
  readonly #proofKey: Buffer
  readonly #grants: Grants
  readonly #blocks: (Block<P> | undefined)[] = []
  #newest: Generation = { epoch: 0, counter: 0 }
  #held = 0

  constructor({ store, capacityBytes, blockBytes, incarnation, proofKey, grants }: BlocksOptions<P>) {
    this.store = store
    this.blockBytes = blockBytes
    this.#count = Math.floor(capacityBytes / blockBytes)
    this.#incarnation = incarnation
    this.#proofKey = proofKey
    this.#grants = grants
    this.pool = new PlacePool(() => store.makePlace())
  }

  /** Blocks that hold bytes. */
  get held(): number {
    return this.#held
  }

  get count(): number {
    return this.#count
  }

  /** The highest generation that was honoured for any block. */
  get newest(): Generation {
    return this.#newest
  }

  /**
   * Finds a block's place for a write of a range and pins it.
   * @param guest who brings the location
   * @throws GliderError FORBIDDEN, UNAUTHENTICATED, BLOCK_GONE, INVALID_ARGUMENT
   */
  beginWrite(head: Buffer, offset: number, length: number, guest?: Guest): Pinned<P> {
    const block = this.#open(head, 'write', offset, length, guest)
    if (!block.place) {
      block.place = this.pool.take()
      this.#held++
    }
    block.place.pins++
    return { block, place: block.place }
  }

  /** The bytes of a write are kept. BLOCK_GONE where the block was freed, or given to another, meanwhile. */
  endWrite(pinned: Pinned<P>, offset: number, length: number): void {
    const { block, place } = pinned
    this.pool.unpin(place)
    if (block.place !== place) throw gone()
    block.written.add(offset, offset + length)
  }

  /** Finds a range and pins its place for as long as it takes to send it. */
  beginRead(head: Buffer, offset: number, length: number, guest?: Guest): P {
    const block = this.#open(head, 'read', offset, length, guest)
    if (!block.place || !block.written.covers(offset, offset + length)) throw gone()
    block.place.pins++
    return block.place
  }

  unpin(place: P): void {
    this.pool.unpin(place)
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

  /** The metadata server does not know what was here up to a generation: it is nobody's. */
  freeUpTo(generation: Generation): void {
    for (const block of this.#blocks) {
      if (!block || compareGenerations(block.generation, generation) > 0) continue
      this.#empty(block)
      block.freed = true
    }
  }

  /** The next blocks that hold bytes, from a number on, and where to go on. */
  inventory(first: number): { rows: InventoryRow[]; next?: number } {
    const rows: InventoryRow[] = []
    for (let index = first; index < this.#blocks.length; index += 1) {
      const block = this.#blocks[index]
      if (!block?.place) continue
      if (rows.length === INVENTORY_ROWS) return { rows, next: index }
      rows.push({ index, ...block.generation, bytes: block.written.size })
    }
    return { rows }
  }

  #open(head: Buffer, need: 'read' | 'write', offset: number, length: number, guest: Guest | undefined): Block<P> {
    const number = head.readUInt32LE(BLOCK_NUMBER_AT)
    const block = number < this.#count ? this.#at(number) : undefined
    const { admission } = (block && remembered(block, head, need)) ?? this.#verify(head, need, block)
    checkHolds(admission)
    guest?.brings(admission)
    invariant(block, 'a location that was verified is of a block')
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
  #verify(head: Buffer, need: 'read' | 'write', block: Block<P> | undefined): Verified {
    const location = readLocation(head)
    if (location.incarnation !== this.#incarnation) throw gone()
    verifyProof(location, this.#proofKey)
    if (!allows(location.purpose, need)) {
      throw new GliderError('FORBIDDEN', `this location is for ${location.purpose}, not for ${need}`)
    }
    invariant(block, `block ${location.block} was given out, but this server has ${this.#count}`)
    const admission = this.#grants.admit(location.grant)
    const order = compareGenerations(location.generation, block.generation)
    if (order < 0) throw gone()
    if (order > 0) {
      this.#empty(block)
      block.generation = location.generation
      block.freed = false
      if (compareGenerations(location.generation, this.#newest) > 0) this.#newest = location.generation
    }
    const verified = { bytes: Buffer.from(head.subarray(0, LOCATION_BYTES)), admission }
    if (location.purpose === 'write') block.verifiedWrite = verified
    else block.verifiedRead = verified
    return verified
  }

  #at(number: number): Block<P> {
    let block = this.#blocks[number]
    if (!block) {
      block = new Block()
      this.#blocks[number] = block
    }
    return block
  }

  #empty(block: Block<P>): void {
    block.written.clear()
    block.verifiedRead = undefined
    block.verifiedWrite = undefined
    if (!block.place) return
    this.pool.retire(block.place)
    block.place = undefined
    this.#held--
  }
}

/** The location, where it was verified before and allows what is needed. */
function remembered({ verifiedWrite, verifiedRead }: Block<Place>, head: Buffer, need: 'read' | 'write'): Verified | undefined {
  if (verifiedWrite && verifiedWrite.bytes.compare(head, 0, LOCATION_BYTES) === 0) return verifiedWrite
  if (need === 'read' && verifiedRead && verifiedRead.bytes.compare(head, 0, LOCATION_BYTES) === 0) return verifiedRead
  return undefined
}

function allows(purpose: Purpose, need: 'read' | 'write'): boolean {
  return purpose === 'write' || purpose === need
}

function gone(): GliderError {
  return new GliderError('BLOCK_GONE', 'the block has been freed since its location was given out: look the node up again')
}
