import type { NodeInfo, ObjectState } from '../protocol/catalogue.ts'
import { invariant } from '../protocol/errors.ts'
import { objectId } from '../protocol/object-id.ts'
import type { Definition } from './definition.ts'
import type { ServerRecord } from './servers.ts'
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

  readonly #changed: () => void
  /** Of the server that it is, or was, on. */
  #address = ''

  /** @param changed told of every change of its state */
  constructor(definition: Definition, interleaved: boolean, changed: () => void) {
    this.definition = definition
    this.interleaved = interleaved
    this.#changed = changed
  }

  get state(): ObjectState {
    return this.#state
  }

  get bundle(): string {
    return this.definition.bundle
  }

  get version(): string {
    return this.definition.version
  }

  get slot(): Slot {
    invariant(this.#slot, 'an object has its slot once it is being created')
    return this.#slot
  }

  get address(): string {
    return this.#address
  }

  /** Undefined for one that was lost at an earlier start. */
  get server(): ServerRecord | undefined {
    return this.#slot?.space.server
  }

  /** In chains. */
  get id(): string {
    const { space, index, generation } = this.slot
    return objectId(space.server.incarnation, index, generation)
  }

  /** Whether one of the objects of `chain`, which all wait for what is asked, is this one. */
  isIn(chain: readonly string[] | undefined): boolean {
    return chain !== undefined && this.#slot !== undefined && chain.includes(this.id)
  }

  create(slot: Slot): void {
    this.#slot = slot
    this.#address = slot.space.server.address
    this.move('creating')
  }

  /** One that was live at an earlier start. */
  restore(slot: Slot): void {
    this.create(slot)
    this.move('live')
  }

  /** One that was lost at an earlier start. */
  restoreLost(address: string, cause: string): void {
    this.#address = address
    this.#state = 'lost'
    this.lostCause = cause
  }

  move(to: ObjectState): void {
    invariant(transitions[this.#state].includes(to), `an object does not go from ${this.#state} to ${to}`)
    this.#state = to
    this.#changed()
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
    server: object.address,
  }
}
