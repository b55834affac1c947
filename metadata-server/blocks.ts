/**
 * The blocks of one storage server. Always holds: a block number is either free, or in exactly one Block that somebody
 * owns; and free + used = capacity.
 */
import { invariant } from '../protocol/errors.ts'
import type { Grant } from '../protocol/grant.ts'
import { encodeLocation, type Purpose, sign } from '../protocol/location.ts'
import type { Generations } from './generations.ts'
import type { ServerRecord } from './servers.ts'

/** One allocation of a block. Small: there may be millions. */
export class Block {
  readonly space: BlockSpace
  /** Number on its server. */
  readonly index: number
  readonly epoch: number
  readonly counter: number
  given: boolean
  /** Kept once asked for: all readers of a file who came by one token are given the same. */
  #readLocation: string | undefined
  #readToken: number

  constructor(space: BlockSpace, index: number, epoch: number, counter: number) {
    this.space = space
    this.index = index
    this.epoch = epoch
    this.counter = counter
    this.given = false
    this.#readLocation = undefined
    this.#readToken = 0
  }

  /** In the form of the catalogue. */
  location(purpose: Purpose, grant: Grant): string {
    if (purpose !== 'read') return this.#sign(purpose, grant)
    if (this.#readLocation === undefined || this.#readToken !== grant.token) {
      this.#readLocation = this.#sign('read', grant)
      this.#readToken = grant.token
    }
    return this.#readLocation
  }

  #sign(purpose: Purpose, grant: Grant): string {
    const { incarnation, proofKey } = this.space.server
    const generation = { epoch: this.epoch, counter: this.counter }
    return encodeLocation(sign({ incarnation, block: this.index, generation, purpose, grant }, proofKey)).toString('base64url')
  }
}

export class BlockSpace {
  readonly server: ServerRecord
  readonly capacity: number
  /** Told when the last block comes back. */
  onEmpty: (() => void) | undefined
  /** Blocks that were used before; the last one freed goes out first, since its memory is the warmest. */
  readonly #freed: number[] = []
  /** Blocks from here on were never used. */
  #fresh = 0
  /** By number, those that somebody owns. */
  readonly #taken: (Block | undefined)[] = []

  constructor(server: ServerRecord, capacity: number) {
    this.server = server
    this.capacity = capacity
  }

  get free(): number {
    return this.#freed.length + this.capacity - this.#fresh
  }

  get used(): number {
    return this.capacity - this.free
  }

  /** Numbers below this one were in use before; none above it was. */
  get touched(): number {
    return this.#taken.length
  }

  /** What is owned under a number now. */
  at(index: number): Block | undefined {
    return this.#taken[index]
  }

  take(generations: Generations): Block | undefined {
    const index = this.#freed.pop() ?? (this.#fresh < this.capacity ? this.#fresh++ : undefined)
    if (index === undefined) return undefined
    const { epoch, counter } = generations.next()
    const block = new Block(this, index, epoch, counter)
    this.#taken[index] = block
    return block
  }

  /** A block that was handed out at an earlier start. */
  restore(index: number, epoch: number, counter: number): Block {
    invariant(!this.#taken[index], `block ${index} of ${this.server.id} has one owner`)
    while (this.#taken.length <= index) this.#taken.push(undefined)
    const block = new Block(this, index, epoch, counter)
    this.#taken[index] = block
    return block
  }

  /** All blocks that have owners were restored: the others are free. */
  restored(): void {
    for (; this.#fresh < this.#taken.length; this.#fresh += 1) if (!this.#taken[this.#fresh]) this.#freed.push(this.#fresh)
  }

  give(block: Block): void {
    invariant(block.space === this && !block.given, `block ${block.index} of ${this.server.id} is given back once`)
    this.#freed.push(block.index)
    this.#taken[block.index] = undefined
    block.given = true
    if (this.used === 0) this.onEmpty?.()
  }
}
