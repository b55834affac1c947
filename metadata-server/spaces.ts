/** Storage servers by class, and the blocks handed out over them. Dead servers are not in the rotation. */
import { GliderError } from '../protocol/errors.ts'
import { type Block, BlockSpace } from './blocks.ts'
import { drainingNote } from './draining-note.ts'
import type { Frees } from './frees.ts'
import type { Generations } from './generations.ts'
import type { Ledger } from './ledger.ts'
import { type Limits, noLimits } from './limits.ts'
import { type StorageOrder, StorageOrders } from './orders.ts'
import { onSameHost, type ServerRecord } from './servers.ts'

/** A storage server is in the class of its kind unless it says another. */
const KINDS = new Set(['dram', 'disk'])

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
  readonly orders: StorageOrders
  readonly blockBytes: number
  readonly #generations: Generations
  readonly #frees: Frees
  readonly #rotations: Map<string, Rotation>
  /** The only ones that may be chosen; any where there are none. */
  readonly #allowed: ReadonlySet<string> | undefined
  readonly #limits: Limits
  /** Of the namespace. */
  readonly #ledger: Ledger | undefined
  #taken = 0

  /** @param of the cluster, of which these are what one namespace sees: these classes and no others where it is `closed` */
  constructor(
    classes: readonly string[],
    blockBytes: number,
    generations: Generations,
    frees: Frees,
    of?: { readonly all: BlockSpaces; readonly closed: boolean; readonly limits: Limits; readonly ledger: Ledger },
  ) {
    this.orders = new StorageOrders(classes)
    this.blockBytes = blockBytes
    this.#generations = generations
    this.#frees = frees
    this.#rotations = of ? of.all.#rotations : new Map<string, Rotation>()
    this.#limits = of?.limits ?? noLimits
    this.#ledger = of?.ledger
    this.#allowed = of?.closed ? new Set(classes) : undefined
    if (of) return
    for (const storageClass of classes) this.#rotations.set(storageClass, { spaces: [], next: 0 })
  }

  /** The same servers for one namespace, which has these classes and no others; or all, in the order of the cluster. */
  ofNamespace(classes: readonly string[] | undefined, limits: Limits, ledger: Ledger): BlockSpaces {
    const of = { all: this, closed: classes !== undefined, limits, ledger }
    return new BlockSpaces(classes ?? this.orders.default.classes, this.blockBytes, this.#generations, this.#frees, of)
  }

  /** Makes the space of a server that has just registered. */
  join(server: ServerRecord, capacity: number): BlockSpace {
    const space = new BlockSpace(server, capacity)
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
  orderFor(choice: StorageClassChoice, inherited: StorageOrder, path: string, near = inherited.near): StorageOrder {
    if (choice === undefined && near === inherited.near) return inherited
    return this.orders.of(choice === undefined ? inherited.classes : this.#chosen(choice, path), near)
  }

  #chosen(choice: string | readonly string[], path: string): readonly string[] {
    const all = this.orders.default.classes
    // Once each, or there would be orders without end to be kept.
    const classes = [...new Set(typeof choice === 'string' ? [choice, ...all] : choice)]
    for (const name of classes) {
      if (name !== 'active' && (this.#allowed ?? this.#rotations).has(name)) continue
      const known = [...(this.#allowed ?? this.#rotations).keys()].join(', ')
      const what = name === 'active' ? 'holds actions, not data' : 'is not known'
      throw new GliderError('INVALID_ARGUMENT', `${path}: the storage class ${name} ${what}: choose among ${known}`)
    }
    return classes
  }

  /**
   * Between one and `count` blocks: as many as there are, each from the next server.
   * @throws GliderError NO_SPACE, QUOTA_EXCEEDED
   */
  take(order: StorageOrder, count: number, path: string): Block[] {
    const blocks = this.takeIfFree(order, count)
    if (count > 0 && blocks.length === 0) {
      if (this.#room() <= 0) throw this.#limits.exceededByBlocks(this.#taken * this.blockBytes)
      throw this.#noSpace(order, path)
    }
    return blocks
  }

  #noSpace({ classes }: StorageOrder, path: string): GliderError {
    const named = classes.join(', ')
    const servers = classes.flatMap(name => this.#rotations.get(name)?.spaces ?? []).map(({ server }) => server)
    if (servers.length === 0) {
      const [first = ''] = classes
      const remedy = `start one with ${KINDS.has(first) ? '--kind' : '--class'} ${first}, or choose another class`
      return new GliderError('NO_SPACE', `${path}: there is no storage server of ${named}: ${remedy}`)
    }
    const allDrain = servers.every(({ draining }) => draining)
    const remedy = allDrain ? 'start another storage server' : 'delete something or start another storage server'
    return new GliderError('NO_SPACE', `${path}: no block is free in ${named}${drainingNote(servers)}: ${remedy}`)
  }

  /** At most `count` blocks, each from the next server; none where all is full. */
  takeIfFree(order: StorageOrder, count: number): Block[] {
    const blocks: Block[] = []
    const most = Math.min(count, this.#room())
    while (blocks.length < most) {
      const block = this.#takeOne(order)
      if (!block) break
      this.#took(block.space, 1)
      blocks.push(block)
    }
    return blocks
  }

  /** How many more blocks the quota leaves, the one included that reaches over it. */
  #room(): number {
    const { bytes } = this.#limits.quota
    return bytes === undefined ? Number.POSITIVE_INFINITY : Math.ceil(bytes / this.blockBytes) - this.#taken
  }

  /** A block elsewhere in place of one on a server that does not answer; undefined where there is none at the moment. */
  takeInsteadOf(order: StorageOrder): Block | undefined {
    const block = this.#takeFrom(order, isLive)
    if (block) this.#took(block.space, 1)
    return block
  }

  /** A block that was handed out at an earlier start; see {@link BlockSpace.restore}. */
  restore(space: BlockSpace, index: number, epoch: number, counter: number): Block {
    this.#took(space, 1)
    return space.restore(index, epoch, counter)
  }

  give(block: Block): void {
    this.#frees.add(block)
    block.space.give(block)
    this.#took(block.space, -1)
  }

  #took({ server }: BlockSpace, more: number): void {
    this.#taken += more
    this.#ledger?.tookBlocks(server.storageClass, more)
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
  #takeOne(order: StorageOrder): Block | undefined {
    return this.#takeFrom(order, isLive) ?? this.#takeFrom(order, isSuspect)
  }

  #takeFrom({ classes, near }: StorageOrder, wanted: (server: ServerRecord) => boolean): Block | undefined {
    for (const storageClass of classes) {
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
