import { GliderError } from '../protocol/errors.ts'
import { compareGenerations, type Generation } from '../protocol/generation.ts'
import { INVENTORY_ROWS, type InventoryRow } from '../protocol/inventory.ts'
import { BLOCK_NUMBER_AT, LOCATION_BYTES, readLocation, verifyProof } from '../protocol/location.ts'
import { objectId } from '../protocol/object-id.ts'
import type { Connection } from '../protocol/peer.ts'
import { type Admission, checkHolds, type Grants, type Guest } from '../server/grants.ts'
import type { ObjectLog } from './action-logs.ts'
import type { ActionThread } from './action-thread.ts'

/** That an object may have open, from all connections together. */
export const DEFAULT_ACTION_STREAMS = 4096

/** An object in its slot. */
export interface Occupant {
  readonly slot: number
  readonly generation: Generation
  readonly path: string
  readonly thread: ActionThread
  readonly log: ObjectLog
  /** What the class expects it to need, and how long its turns may last, where it says so. */
  readonly memoryBytes: number
  readonly turnTimeoutMs: number | undefined
  /** Its location, in binary form, once that has been verified. */
  verified?: { readonly bytes: Buffer; readonly admission: Admission }
  /** Open now. */
  streams: number
  /** Streams and calls that are over. */
  turns: number
}

/**
 * The slots of one active server. Always holds: a slot has at most one object, which stays on its thread for life; an object has no
 * more streams open than it may.
 */
export class Slots {
  readonly #occupants = new Map<number, Occupant>()
  /** By the id of the object. */
  readonly #logs = new Map<string, ObjectLog>()
  readonly #incarnation: string
  readonly #proofKey: Buffer
  readonly #grants: Grants
  readonly #mostStreams: number

  /** @param mostStreams of one object */
  constructor(incarnation: string, proofKey: Buffer, grants: Grants, mostStreams = DEFAULT_ACTION_STREAMS) {
    this.#incarnation = incarnation
    this.#proofKey = proofKey
    this.#grants = grants
    this.#mostStreams = mostStreams
  }

  get taken(): number {
    return this.#occupants.size
  }

  take(occupant: Occupant): void {
    if (this.#occupants.has(occupant.slot)) throw new GliderError('NO_SLOT', `slot ${occupant.slot} of this server is taken`)
    this.#occupants.set(occupant.slot, occupant)
    this.#logs.set(this.#idOf(occupant), occupant.log)
  }

  /** @param error what the object went by, where it did not end in order */
  release(occupant: Occupant, error?: GliderError): void {
    if (this.#occupants.get(occupant.slot) !== occupant) return
    this.#occupants.delete(occupant.slot)
    this.#logs.delete(this.#idOf(occupant))
    occupant.log.end(error)
  }

  /** The log of the object with an id, as long as it is here. */
  logOf(id: string): ObjectLog | undefined {
    return this.#logs.get(id)
  }

  #idOf({ slot, generation }: Occupant): string {
    return objectId(this.#incarnation, slot, generation)
  }

  of(thread: ActionThread): Occupant[] {
    return [...this.#occupants.values()].filter(occupant => occupant.thread === thread)
  }

  all(): Occupant[] {
    return [...this.#occupants.values()]
  }

  /** Those with the most streams, and then those that have done the most. */
  busiest(most: number): Pick<Occupant, 'path' | 'streams' | 'turns'>[] {
    const all = this.all().sort((a, b) => b.streams - a.streams || b.turns - a.turns)
    return all.slice(0, most).map(({ path, streams, turns }) => ({ path, streams, turns }))
  }

  /** The next slots with an object, from a number on, and where to go on. */
  inventory(first: number): { rows: InventoryRow[]; next?: number } {
    const later = this.all().filter(({ slot }) => slot >= first)
    const rows = later.sort((a, b) => a.slot - b.slot).map(({ slot, generation }) => ({ index: slot, ...generation, bytes: 0 }))
    const next = rows[INVENTORY_ROWS]?.index
    return { rows: rows.slice(0, INVENTORY_ROWS), ...(next !== undefined && { next }) }
  }

  /** @throws GliderError NO_ACTION_OBJECT */
  holder(slot: number, generation: Generation): Occupant {
    const occupant = this.#occupants.get(slot)
    if (!occupant || compareGenerations(occupant.generation, generation) !== 0) throw noObject()
    return occupant
  }

  /** The object that a location leads to; see {@link at}. */
  find(location: string, connection: Connection): Occupant {
    return this.at(Buffer.from(location, 'base64url'), this.#grants.guest(connection))
  }

  /**
   * The object that a location in binary form leads to.
   * @param guest who brings it
   * @throws GliderError BLOCK_GONE where the slot is another's or nobody's by now, FORBIDDEN where the location proves nothing,
   *   UNAUTHENTICATED where the token that it was given out by was taken back
   */
  at(bytes: Buffer, guest: Guest): Occupant {
    if (bytes.length < LOCATION_BYTES) throw new GliderError('PROTOCOL_ERROR', 'a location that is none')
    const known = this.#occupants.get(bytes.readUInt32LE(BLOCK_NUMBER_AT))
    if (known?.verified?.bytes.compare(bytes, 0, LOCATION_BYTES) === 0) {
      const { admission } = known.verified
      checkHolds(admission)
      guest.brings(admission)
      return known
    }
    const location = readLocation(bytes)
    const { incarnation, generation, purpose, grant } = location
    if (incarnation !== this.#incarnation) throw slotGone()
    verifyProof(location, this.#proofKey)
    if (purpose !== 'action') throw new GliderError('FORBIDDEN', `this location is for ${purpose}, not for an action`)
    if (!known || compareGenerations(known.generation, generation) !== 0) throw slotGone()
    const admission = this.#grants.admit(grant)
    guest.brings(admission)
    known.verified = { bytes: Buffer.from(bytes.subarray(0, LOCATION_BYTES)), admission }
    return known
  }

  /**
   * A stream of an object is opened.
   * @throws GliderError BUSY where as many are open already as an object may have
   */
  open(occupant: Occupant): void {
    if (occupant.streams >= this.#mostStreams) {
      const limit = `${this.#mostStreams} streams open, which is the limit of this server (--max-action-streams)`
      throw new GliderError('BUSY', `${occupant.path}: the action has ${limit}: close some, or wait for them`)
    }
    occupant.streams++
  }

  /** It is over. */
  close(occupant: Occupant): void {
    occupant.streams--
    occupant.turns++
  }

  /** Does what a stream of an object takes, while it counts as open. */
  async whileOpen(occupant: Occupant, work: () => Promise<void>): Promise<void> {
    this.open(occupant)
    try {
      await work()
    } finally {
      this.close(occupant)
    }
  }
}

/** Nothing has run: whoever was given the location earlier may ask for the object again. */
function slotGone(): GliderError {
  return new GliderError('BLOCK_GONE', 'the slot has been freed since its location was given out: look the object up again')
}

function noObject(): GliderError {
  return new GliderError('NO_ACTION_OBJECT', 'the object of the action has been deleted: create one')
}
