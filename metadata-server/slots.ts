/**
 * The slots of the active servers of one namespace. Always holds: a slot is free or has exactly one occupant; a slot whose object may still
 * live although nobody owns it is kept until its server has stopped it, or is dead.
 */
import { catalogue } from '../protocol/catalogue.ts'
import { GliderError, invariant } from '../protocol/errors.ts'
import type { Generation } from '../protocol/generation.ts'
import type { Grant } from '../protocol/grant.ts'
import { encodeLocation, sign } from '../protocol/location.ts'
import type { Connection } from '../protocol/peer.ts'
import type { Log } from '../server/log.ts'
import { drainingNote } from './draining-note.ts'
import type { Generations } from './generations.ts'
import { isLost, onSameHost, type ServerRecord } from './servers.ts'

/** Whose object is in a slot; it is told when the object is gone. */
export interface Occupant {
  readonly bundle: string
  readonly version: string
  lost(cause: string): void
}

export class Slot {
  readonly space: SlotSpace
  readonly index: number
  readonly generation: Generation
  readonly occupant: Occupant
  #location: string | undefined
  #token: number | undefined

  constructor(space: SlotSpace, index: number, generation: Generation, occupant: Occupant) {
    this.space = space
    this.index = index
    this.generation = generation
    this.occupant = occupant
  }

  /** In the form of the catalogue. */
  location(grant: Grant): string {
    if (this.#location === undefined || this.#token !== grant.token) {
      const { incarnation, proofKey } = this.space.server
      const unsigned = { incarnation, block: this.index, generation: this.generation, purpose: 'action', grant } as const
      this.#location = encodeLocation(sign(unsigned, proofKey)).toString('base64url')
      this.#token = grant.token
    }
    return this.#location
  }
}

export class SlotSpace {
  readonly server: ServerRecord
  /** Those of the namespace that its server is for. */
  readonly siblings: SlotSpaces
  readonly capacity: number
  readonly taken = new Map<number, Slot>()
  /** Slots to be stopped before they can be free. */
  readonly leftovers = new Set<Slot>()
  /** Whether its slots are given out; see recovery.ts. */
  isOpen = true
  /** Told when the last slot is free again. */
  onEmpty: (() => void) | undefined
  readonly #freed: number[] = []
  #fresh = 0

  constructor(server: ServerRecord, capacity: number, siblings: SlotSpaces) {
    this.server = server
    this.capacity = capacity
    this.siblings = siblings
  }

  get free(): number {
    return this.#freed.length + this.capacity - this.#fresh
  }

  get used(): number {
    return this.capacity - this.free
  }

  take(generation: Generation, occupant: Occupant): Slot {
    const index = this.#freed.pop() ?? this.#fresh++
    invariant(index < this.capacity, `${this.server.id} has a free slot`)
    const slot = new Slot(this, index, generation, occupant)
    this.taken.set(index, slot)
    this.siblings.counted()
    return slot
  }

  /** A slot that was taken at an earlier start. Those below it that are not restored are free. */
  restore(index: number, generation: Generation, occupant: Occupant): Slot {
    for (; this.#fresh <= index; this.#fresh += 1) this.#freed.push(this.#fresh)
    const at = this.#freed.indexOf(index)
    invariant(at >= 0, `slot ${index} of ${this.server.id} has one occupant`)
    this.#freed.splice(at, 1)
    const slot = new Slot(this, index, generation, occupant)
    this.taken.set(index, slot)
    this.siblings.counted()
    return slot
  }

  give(slot: Slot): void {
    this.leftovers.delete(slot)
    // It may have been cleared twice, when its server registered again in the middle of that.
    if (this.taken.get(slot.index) !== slot) return
    this.taken.delete(slot.index)
    this.#freed.push(slot.index)
    this.siblings.counted()
    if (this.used === 0) this.onEmpty?.()
  }
}

export class SlotSpaces {
  readonly #generations: Generations
  readonly #log: Log
  readonly #namespace: string
  readonly #spaces: SlotSpace[] = []
  /** Told when a server has a connection again, or is dead. */
  readonly #waiting = new Set<() => void>()
  readonly #usedIs: (slots: number) => void
  #next = 0

  /**
   * @param namespace its name
   * @param usedIs told of each change of how many are taken
   */
  constructor(generations: Generations, log: Log, namespace: string, usedIs: (slots: number) => void = () => {}) {
    this.#generations = generations
    this.#log = log
    this.#namespace = namespace
    this.#usedIs = usedIs
  }

  /** What is missing where no server is there, and what to do; undefined where one is. */
  get absence(): string | undefined {
    if (this.#spaces.length > 0) return undefined
    return `the namespace ${this.#namespace} has no active server: start one with --namespace ${this.#namespace}`
  }

  /** Those of servers that are not dead. */
  get all(): readonly SlotSpace[] {
    return this.#spaces
  }

  join(server: ServerRecord, slots: number): SlotSpace {
    const space = new SlotSpace(server, slots, this)
    this.#spaces.push(space)
    return space
  }

  /** The server is dead: so are its objects. */
  leave(space: SlotSpace, cause: string): void {
    const at = this.#spaces.indexOf(space)
    if (at >= 0) this.#spaces.splice(at, 1)
    this.counted()
    for (const slot of [...space.taken.values()]) slot.occupant.lost(cause)
    for (const slot of space.leftovers) space.give(slot)
    this.#changed()
  }

  /**
   * A slot of the next server that is there and has one; of one on the host of `near` first.
   * @param full servers that have slots, but not what the object needs besides
   */
  take(occupant: Occupant, near: ServerRecord | undefined, full?: ReadonlySet<SlotSpace>): Slot | undefined {
    const fits = (space: SlotSpace): boolean => isReady(space) && !full?.has(space)
    const neighbour = near && this.#spaces.find(space => onSameHost(space.server, near) && fits(space))
    if (neighbour) return neighbour.take(this.#generations.next(), occupant)
    for (let tried = 0; tried < this.#spaces.length; tried += 1) {
      const space = this.#spaces[this.#next % this.#spaces.length]
      this.#next = (this.#next + 1) % this.#spaces.length
      if (space && fits(space)) return space.take(this.#generations.next(), occupant)
    }
    return undefined
  }

  /**
   * Resolves when there may be a slot: a server that was away has come back, or has died.
   * @throws GliderError NO_SLOT where no such server has one
   */
  async awaitRoom(path: string, full?: ReadonlySet<SlotSpace>): Promise<void> {
    const mayCome = (space: SlotSpace): boolean => space.free > 0 && !space.server.draining && !isReady(space)
    if (this.#spaces.some(space => !full?.has(space) && mayCome(space))) return this.#change()
    const { absence } = this
    if (absence !== undefined) throw new GliderError('NO_SLOT', `${path}: ${absence}`)
    const servers = this.#spaces.map(({ server }) => server)
    const allDrain = servers.every(({ draining }) => draining)
    const remedy = allDrain ? 'start another active server' : 'delete an object or start another active server'
    throw new GliderError('NO_SLOT', `${path}: no active server has a free slot${drainingNote(servers)}: ${remedy}`)
  }

  /** The connection of any active server, once there is one; undefined where there is no server at all. */
  async reachable(): Promise<Connection | undefined> {
    while (this.#spaces.length > 0) {
      const connected = this.#spaces.filter(({ server }) => server.connection)
      const { server } = connected.find(space => !space.server.draining) ?? connected[0] ?? {}
      if (server?.connection) return server.connection
      await this.#change()
    }
    return undefined
  }

  /** Resolves once the server is connected, or dead. */
  async awaitConnection({ server }: SlotSpace): Promise<void> {
    while (!server.connection && !isLost(server)) await this.#change()
  }

  /** Frees a slot whose object may be there or not, once its server says that it is not. */
  clear(slot: Slot): void {
    slot.space.leftovers.add(slot)
    void this.#stopLeftover(slot)
  }

  close(space: SlotSpace): void {
    space.isOpen = false
  }

  open(space: SlotSpace): void {
    space.isOpen = true
    this.#changed()
  }

  /** The server has a connection again. */
  resume(space: SlotSpace): void {
    for (const slot of space.leftovers) void this.#stopLeftover(slot)
    this.#changed()
  }

  versionsInUse(): Set<string> {
    const versions = new Set<string>()
    for (const space of this.#spaces) for (const slot of space.taken.values()) versions.add(slot.occupant.version)
    return versions
  }

  /** How many objects of any version of the bundle live, or are on their way there or from there. */
  objectsOf(bundle: string): number {
    let objects = 0
    for (const { taken, leftovers } of this.#spaces)
      for (const slot of taken.values()) if (slot.occupant.bundle === bundle && !leftovers.has(slot)) objects += 1
    return objects
  }

  /** A slot was taken or given back. */
  counted(): void {
    this.#usedIs(this.usage().used)
  }

  usage(): { used: number; free: number } {
    const free = this.#spaces.reduce((sum, space) => sum + space.free, 0)
    return { free, used: this.#spaces.reduce((sum, space) => sum + space.capacity, 0) - free }
  }

  #change(): Promise<void> {
    return new Promise(resolve => this.#waiting.add(resolve))
  }

  #changed(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const tell of waiting) tell()
  }

  async #stopLeftover(slot: Slot): Promise<void> {
    const { server } = slot.space
    if (isLost(server)) slot.space.give(slot)
    if (!server.connection) return
    try {
      const { epoch, counter } = slot.generation
      await server.connection.request(catalogue.stopObject, { slot: slot.index, epoch, counter, mode: 'abort' })
    } catch (thrown) {
      const error = GliderError.from(thrown)
      // Any other failure comes from the server itself, which has answered: the object is not there.
      if (error.code === 'UNAVAILABLE') {
        this.#log.warn({ server: server.id, slot: slot.index, error }, 'a slot stays taken until its server answers')
        return
      }
    }
    slot.space.give(slot)
  }
}

function isReady({ server, free, isOpen }: SlotSpace): boolean {
  return server.connection !== undefined && isOpen && !server.draining && free > 0
}
