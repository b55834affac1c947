import { GliderError } from '../protocol/errors.ts'
import { compareGenerations, type Generation } from '../protocol/generation.ts'
import { INVENTORY_ROWS, type InventoryRow } from '../protocol/inventory.ts'
import { LOCATION_BYTES, readLocation, verifyProof } from '../protocol/location.ts'
import type { ActionThread } from './action-thread.ts'

/** An object in its slot. */
export interface Occupant {
  readonly slot: number
  readonly generation: Generation
  readonly path: string
  readonly thread: ActionThread
}

/** The slots of one active server. Always holds: a slot has at most one object, which stays on its thread for life. */
export class Slots {
  readonly #occupants = new Map<number, Occupant>()
  readonly #incarnation: string
  readonly #proofKey: Buffer

  constructor(incarnation: string, proofKey: Buffer) {
    this.#incarnation = incarnation
    this.#proofKey = proofKey
  }

  get taken(): number {
    return this.#occupants.size
  }

  take(occupant: Occupant): void {
    if (this.#occupants.has(occupant.slot)) throw new GliderError('NO_SLOT', `slot ${occupant.slot} of this server is taken`)
    this.#occupants.set(occupant.slot, occupant)
  }

  release(occupant: Occupant): void {
    if (this.#occupants.get(occupant.slot) === occupant) this.#occupants.delete(occupant.slot)
  }

  of(thread: ActionThread): Occupant[] {
    return [...this.#occupants.values()].filter(occupant => occupant.thread === thread)
  }

  all(): Occupant[] {
    return [...this.#occupants.values()]
  }

  /** The next slots with an object, from a number on, and where to go on. */
  inventory(first: number): { rows: InventoryRow[]; next?: number } {
    const later = this.all().filter(({ slot }) => slot >= first)
    const rows = later.sort((a, b) => a.slot - b.slot).map(({ slot, generation }) => ({ index: slot, ...generation, bytes: 0 }))
    const next = rows[INVENTORY_ROWS]?.index
    return { rows: rows.slice(0, INVENTORY_ROWS), ...(next !== undefined && { next }) }
  }

  at(slot: number, generation: Generation): Occupant {
    const occupant = this.#occupants.get(slot)
    if (!occupant || compareGenerations(occupant.generation, generation) !== 0) throw noObject()
    return occupant
  }

  /**
   * The object that a location leads to.
   * @throws GliderError NO_ACTION_OBJECT where it is no longer there, FORBIDDEN where the location proves nothing
   */
  find(location: string): Occupant {
    const bytes = Buffer.from(location, 'base64url')
    if (bytes.length !== LOCATION_BYTES) throw new GliderError('PROTOCOL_ERROR', 'a location that is none')
    const { incarnation, block, generation, purpose, proof } = readLocation(bytes)
    if (incarnation !== this.#incarnation) throw noObject()
    verifyProof({ incarnation, block, generation, purpose, proof }, this.#proofKey)
    if (purpose !== 'action') throw new GliderError('FORBIDDEN', `this location is for ${purpose}, not for an action`)
    return this.at(block, generation)
  }
}

function noObject(): GliderError {
  return new GliderError('NO_ACTION_OBJECT', 'the object of the action has been deleted: create one')
}
