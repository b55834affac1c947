import type { NodeInfo, ObjectState } from '../protocol/catalogue.ts'
import { invariant } from '../protocol/errors.ts'
import type { Definition } from './definitions.ts'
import type { Occupant, Slot } from './slots.ts'

/**
 * - empty → creating: its slot is taken and its server asked.
 * - creating → live: onCreate has returned. creating → empty: it threw, or the server cannot tell.
 * - live → deleting → empty: on demand; the slot is free again.
 * - live → lost: its thread or server is gone, and the slot free. lost → empty: somebody deletes it or makes another.
 */
const transitions: Record<ObjectState, readonly ObjectState[]> = {
  empty: ['creating'],
  creating: ['live', 'empty'],
  live: ['deleting', 'lost'],
  deleting: ['empty'],
  lost: ['empty'],
}

/** One object of an action node, from the taking of its slot to its end. */
export class ActionObject implements Occupant {
  readonly definition: Definition
  readonly interleaved: boolean
  #state: ObjectState = 'empty'
  #slot: Slot | undefined
  /** Resolves when the creation or deletion under way is over, however that went. */
  settled: Promise<void> = Promise.resolve()
  /** Why its thread or server is gone, where it is. */
  lostCause: string | undefined

  constructor(definition: Definition, interleaved: boolean) {
    this.definition = definition
    this.interleaved = interleaved
  }

  get state(): ObjectState {
    return this.#state
  }

  get version(): string {
    return this.definition.version
  }

  get slot(): Slot {
    invariant(this.#slot, 'an object has its slot once it is being created')
    return this.#slot
  }

  create(slot: Slot): void {
    this.#slot = slot
    this.move('creating')
  }

  move(to: ObjectState): void {
    invariant(transitions[this.#state].includes(to), `an object does not go from ${this.#state} to ${to}`)
    this.#state = to
  }

  /** Its thread or server is gone. While it is being created or deleted, that is for those to find out. */
  lost(cause: string): void {
    this.lostCause = cause
    if (this.#state !== 'live') return
    this.slot.space.give(this.slot)
    this.move('lost')
  }
}

export function describeObject(object: ActionObject | undefined): NonNullable<NodeInfo['object']> {
  if (!object || object.state === 'empty') return { state: 'empty' }
  return {
    state: object.state,
    definition: `${object.definition.bundle}/${object.definition.class}`,
    version: object.version,
    interleaved: object.interleaved,
    server: object.slot.space.server.address,
  }
}
