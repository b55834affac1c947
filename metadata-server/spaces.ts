/** Storage servers by class, and the blocks handed out over them. Dead servers are not in the rotation. */
import { GliderError } from '../protocol/errors.ts'
import { type Block, BlockSpace } from './blocks.ts'
import type { Frees } from './frees.ts'
import type { Generations } from './generations.ts'
import { onSameHost, type ServerRecord } from './servers.ts'

export type StorageClassChoice = string | readonly string[] | undefined

interface Rotation {
  readonly spaces: BlockSpace[]
  /** Index of the space that is asked first the next time. */
  next: number
}

export interface ClassUsage {
  readonly storageClass: string
  used: number
  free: number
}

export class BlockSpaces {
  readonly defaultOrder: readonly string[]
  readonly blockBytes: number
  readonly #generations: Generations
  readonly #frees: Frees
  readonly #rotations = new Map<string, Rotation>()
  /** One array per order in use, so that nodes share them. */
  readonly #orders = new Map<string, readonly string[]>()
  /** The same for orders of those who want to be near a server. */
  readonly #ordersNear = new WeakMap<ServerRecord, Map<string, readonly string[]>>()
  /** Which server an order is to be near; whoever carries the order carries that along. */
  readonly #nearBy = new WeakMap<readonly string[], ServerRecord>()
  #taken = 0

  constructor(defaultOrder: readonly string[], blockBytes: number, generations: Generations, frees: Frees) {
    this.defaultOrder = defaultOrder
    this.blockBytes = blockBytes
    this.#generations = generations
    this.#frees = frees
    for (const storageClass of defaultOrder) this.#rotations.set(storageClass, { spaces: [], next: 0 })
  }

  /** Makes the space of a server that has just registered. */
  join(server: ServerRecord, capacityBytes: number): BlockSpace {
    const space = new BlockSpace(server, Math.floor(capacityBytes / this.blockBytes))
    this.enter(space)
    return space
  }

  /** Puts a space (back) into the rotation of its class. */
  enter(space: BlockSpace): void {
    const { storageClass } = space.server
    const rotation = this.#rotations.get(storageClass)
    if (rotation) rotation.spaces.push(space)
    else this.#rotations.set(storageClass, { spaces: [space], next: 0 })
  }

  /** Takes a space out of the rotation; the blocks that nodes own on it stay theirs. */
  leave(space: BlockSpace): void {
    const rotation = this.#rotations.get(space.server.storageClass)
    const at = rotation?.spaces.indexOf(space) ?? -1
    if (at >= 0) rotation?.spaces.splice(at, 1)
  }

  /**
   * The classes to try, in order; `inherited` where nothing was chosen. Within a class the server `near`, and those on its
   * host, come first.
   * @throws GliderError INVALID_ARGUMENT
   */
  orderFor(
    choice: StorageClassChoice,
    inherited: readonly string[],
    path: string,
    near = this.#nearBy.get(inherited),
  ): readonly string[] {
    if (choice === undefined && near === this.#nearBy.get(inherited)) return inherited
    const classes = this.#classes(choice, inherited, path)
    if (!near) return interned(this.#orders, classes)
    let orders = this.#ordersNear.get(near)
    if (!orders) {
      orders = new Map()
      this.#ordersNear.set(near, orders)
    }
    const order = interned(orders, classes)
    this.#nearBy.set(order, near)
    return order
  }

  #classes(choice: StorageClassChoice, inherited: readonly string[], path: string): readonly string[] {
    if (choice === undefined) return inherited
    const classes = typeof choice === 'string' ? [choice, ...this.defaultOrder.filter(name => name !== choice)] : choice
    for (const name of classes) {
      if (name !== 'active' && this.#rotations.has(name)) continue
      const known = [...this.#rotations.keys()].join(', ')
      const what = name === 'active' ? 'holds actions, not data' : 'is not known'
      throw new GliderError('INVALID_ARGUMENT', `${path}: the storage class ${name} ${what}: choose among ${known}`)
    }
    return classes
  }

  /**
   * Between one and `count` blocks: as many as there are, each from the next server.
   * @throws GliderError NO_SPACE
   */
  take(order: readonly string[], count: number, path: string): Block[] {
    const blocks = this.takeIfFree(order, count)
    if (count > 0 && blocks.length === 0) {
      const remedy = 'delete something or start another storage server'
      throw new GliderError('NO_SPACE', `${path}: no block is free in ${order.join(', ')}: ${remedy}`)
    }
    return blocks
  }

  /** At most `count` blocks, each from the next server; none where all is full. */
  takeIfFree(order: readonly string[], count: number): Block[] {
    const blocks: Block[] = []
    while (blocks.length < count) {
      const block = this.#takeOne(order)
      if (!block) break
      blocks.push(block)
    }
    this.#taken += blocks.length
    return blocks
  }

  /** A block elsewhere in place of one on a server that does not answer; undefined where there is none at the moment. */
  takeInsteadOf(order: readonly string[]): Block | undefined {
    const block = this.#takeFrom(order, isLive)
    if (block) this.#taken += 1
    return block
  }

  give(block: Block): void {
    this.#frees.add(block)
    block.space.give(block)
    this.#taken -= 1
  }

  /** Blocks that nodes and open claims own, those on dead servers included. */
  get usedBlocks(): number {
    return this.#taken
  }

  usage(): ClassUsage[] {
    return [...this.#rotations].map(([storageClass, { spaces }]) => ({
      storageClass,
      used: spaces.reduce((sum, space) => sum + space.used, 0),
      free: spaces.reduce((sum, space) => sum + (space.server.draining ? 0 : space.free), 0),
    }))
  }

  /** Servers that may be about to die are asked when all others are full. */
  #takeOne(order: readonly string[]): Block | undefined {
    return this.#takeFrom(order, isLive) ?? this.#takeFrom(order, isSuspect)
  }

  #takeFrom(order: readonly string[], wanted: (server: ServerRecord) => boolean): Block | undefined {
    const near = this.#nearBy.get(order)
    for (const storageClass of order) {
      const rotation = this.#rotations.get(storageClass)
      if (!rotation) continue
      const block = (near && this.#takeNear(near, rotation, wanted)) ?? this.#takeNext(rotation, wanted)
      if (block) return block
    }
    return undefined
  }

  #takeNear(near: ServerRecord, { spaces }: Rotation, wanted: (server: ServerRecord) => boolean): Block | undefined {
    const own = spaces.find(space => space.server === near)
    const block = own && wanted(near) ? own.take(this.#generations) : undefined
    if (block) return block
    const neighbour = spaces.find(({ server, free }) => free > 0 && onSameHost(server, near) && wanted(server))
    return neighbour?.take(this.#generations)
  }

  #takeNext(rotation: Rotation, wanted: (server: ServerRecord) => boolean): Block | undefined {
    const { spaces } = rotation
    for (let tried = 0; tried < spaces.length; tried += 1) {
      const space = spaces[rotation.next % spaces.length]
      rotation.next = (rotation.next + 1) % spaces.length
      const block = space && wanted(space.server) ? space.take(this.#generations) : undefined
      if (block) return block
    }
    return undefined
  }
}

function isLive({ state, draining }: ServerRecord): boolean {
  return state === 'live' && !draining
}

function isSuspect({ state, draining }: ServerRecord): boolean {
  return state === 'suspect' && !draining
}

function interned(orders: Map<string, readonly string[]>, classes: readonly string[]): readonly string[] {
  const key = JSON.stringify(classes)
  const known = orders.get(key)
  if (known) return known
  const order = Object.freeze([...classes])
  orders.set(key, order)
  return order
}
