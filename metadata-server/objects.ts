/**
 * The objects of action nodes. Always holds: a node has at most one object; its slot is taken from before its server is
 * asked to make it until the server has said that it is gone, or is dead.
 */
import { type AnswerOf, catalogue, type HeadOf, type NodeInfo } from '../protocol/catalogue.ts'
import { isTooDeep, MOST_DEPTH } from '../protocol/depth.ts'
import { GliderError, unreachable } from '../protocol/errors.ts'
import { NO_ORIGIN, type Origin, originFields } from '../protocol/origin.ts'
import type { Connection } from '../protocol/peer.ts'
import { remedies } from '../protocol/remedies.ts'
import type { Log } from '../server/log.ts'
import { ActionObject } from './action-object.ts'
import { checkChain } from './chain.ts'
import type { Definitions } from './definitions.ts'
import type { Journal } from './journal/journal.ts'
import type { ObjectRecord, SlotRecord } from './journal/records.ts'
import type { Limits } from './limits.ts'
import { type ActionNode, typeMismatch } from './node.ts'
import { nodeInfo } from './node-info.ts'
import type { Party } from './party.ts'
import type { Target } from './place.ts'
import type { StopMode } from './reaper.ts'
import type { Occupant, Slot, SlotSpace, SlotSpaces } from './slots.ts'
import type { Tree } from './tree.ts'

export interface ObjectsParts {
  readonly limits: Limits
  readonly tree: Tree
  readonly slots: SlotSpaces
  readonly definitions: Definitions
  readonly log: Log
  readonly journal: Journal
}

const MOST_PARAMS_BYTES = 32 << 10

type CreateHead = HeadOf<typeof catalogue.createObject>

interface Stopping {
  /** Of the object's server. */
  readonly connection: Connection
  readonly path: string
  readonly mode: StopMode
  readonly origin: Origin
}

export class Objects {
  readonly #parts: ObjectsParts

  constructor(parts: ObjectsParts) {
    this.#parts = parts
  }

  async create(head: CreateHead): Promise<NodeInfo> {
    const { tree, slots, definitions, limits } = this.#parts
    const { node, path } = this.#target(head)
    if (isTooDeep(head.params)) {
      throw new GliderError('INVALID_ARGUMENT', `${path}: params are nested deeper than ${MOST_DEPTH}: make them flatter`)
    }
    if (Buffer.byteLength(JSON.stringify(head.params ?? null)) > MOST_PARAMS_BYTES) {
      throw new GliderError(
        'INVALID_ARGUMENT',
        `${path}: params are limited to ${MOST_PARAMS_BYTES} bytes of JSON: write them to a file`,
      )
    }
    definitions.resolve(head.definition)
    /** Servers that have a slot, but no thread with the memory that the class asks for. */
    const full = new Map<SlotSpace, GliderError>()
    for (;;) {
      while (isOccupied(node)) await this.#makeRoom(node, path, head)
      // Asked again: while this waited, another version may have been deployed.
      const definition = definitions.resolve(head.definition)
      const interleaved = head.interleaved ?? definition.config?.interleaved ?? false
      const object = new ActionObject(definition, interleaved, () => this.#changed(node))
      limits.check('slots', slots.usage().used)
      const slot = slots.take(object, node.near, new Set(full.keys()))
      if (!slot) {
        await slots.awaitRoom(path, new Set(full.keys())).catch((error: unknown) => {
          throw full.values().next().value ?? error
        })
        tree.byId(node.id)
        continue
      }
      object.create(slot)
      node.object = object
      const starting = this.#start(node, object, path, head)
      object.settled = starting.catch(() => {})
      try {
        await starting
      } catch (error) {
        if (!(error instanceof GliderError && error.code === 'NO_SLOT')) throw error
        // No turn passes until it is being created elsewhere: who waits for it goes on waiting.
        full.set(slot.space, error)
        tree.byId(node.id)
        continue
      }
      return nodeInfo(node, tree.byId(node.id).path)
    }
  }

  /** Puts an object back that was there at an earlier start; without a slot, one that was lost. */
  restore(node: ActionNode, record: ObjectRecord, restoreSlot: (record: SlotRecord, object: Occupant) => Slot): void {
    const [bundle, className, version, interleaved, address, slot, lostCause] = record
    const definition = { bundle, class: className, version }
    const object = new ActionObject(definition, interleaved, () => this.#changed(node))
    if (slot) object.restore(restoreSlot(slot, object))
    else object.restoreLost(address, lostCause)
    node.object = object
  }

  async delete(head: HeadOf<typeof catalogue.deleteObject>): Promise<boolean> {
    const { node, path } = this.#target(head)
    return this.#end(node, path, head.mode ?? 'wait', head)
  }

  async open(head: HeadOf<typeof catalogue.openObject>, { grant }: Party): Promise<AnswerOf<typeof catalogue.openObject>> {
    const { node } = this.#target(head)
    while (node.object?.state === 'creating') {
      checkChain(node.object, head)
      await node.object.settled
    }
    const { path } = this.#parts.tree.byId(node.id)
    const { object } = node
    if (object?.state === 'lost') {
      throw new GliderError('ACTION_LOST', `the object of ${path} is lost: ${object.lostCause}: create it again`)
    }
    if (object?.state !== 'live') throw new GliderError('NO_ACTION_OBJECT', `the action ${path} has no object: create it first`)
    return { path, location: object.slot.location(grant), address: object.slot.space.server.address }
  }

  /** Ends the object of a node that was deleted. Never rejects: there is nobody left to be told but the log. */
  async stopDeleted(node: ActionNode, mode: StopMode, origin = NO_ORIGIN): Promise<void> {
    try {
      while (node.object) await this.#end(node, `node ${node.id}`, mode, origin)
    } catch (error) {
      this.#parts.log.warn({ node: node.id, ...operationOf(origin), error }, 'the object of a deleted action did not end well')
    }
  }

  /** Waits or deletes until the node can take a new object. */
  async #makeRoom(node: ActionNode, path: string, head: CreateHead): Promise<void> {
    for (let { object } = node; object; { object } = node) {
      switch (object.state) {
        case 'creating':
        case 'deleting':
          checkChain(object, { ...head, path })
          await object.settled
          break
        case 'live':
          if (!head.replace)
            throw new GliderError('ALREADY_EXISTS', `the action ${path} has an object: delete it, or ${remedies.replace}`)
          checkChain(object, { ...head, path })
          await this.#replace(node, object, path, head)
          break
        case 'lost':
        case 'empty':
          return
        default:
          unreachable(object.state)
      }
      this.#parts.tree.byId(node.id)
    }
  }

  async #start(node: ActionNode, object: ActionObject, path: string, head: CreateHead): Promise<void> {
    const { params } = head
    const { slot, definition, interleaved } = object
    const { index, generation, space } = slot
    try {
      const { connection } = space.server
      if (!connection) throw new GliderError('UNAVAILABLE', `${path}: ${space.server.id} is not connected: try again`)
      const where = { slot: index, epoch: generation.epoch, counter: generation.counter, path }
      const { config, ...named } = definition
      const how = { ...config, interleaved, ...(params !== undefined && { params }), ...originFields(head) }
      await connection.request(catalogue.startObject, { ...where, ...named, ...how })
    } catch (thrown) {
      const error = GliderError.from(thrown)
      object.move('empty')
      if (node.object === object) node.object = undefined
      this.#free(object, error)
      throw error
    }
    object.move('live')
    if (object.lostCause === undefined) return
    object.lost(object.lostCause)
    throw new GliderError('ACTION_LOST', `the object of ${path} is lost: ${object.lostCause}: create it again`)
  }

  /** Answers whether there was an object. */
  async #end(node: ActionNode, path: string, mode: StopMode, origin: Origin): Promise<boolean> {
    for (let { object } = node; object; { object } = node) {
      if (mode === 'wait' && isOccupied(node)) checkChain(object, { path, chain: origin.chain })
      switch (object.state) {
        case 'creating':
          if (mode === 'abort') this.#hurry(object)
          await object.settled
          break
        case 'deleting':
          if (mode === 'abort') this.#hurry(object)
          await object.settled
          return false
        case 'live': {
          const { connection } = object.slot.space.server
          if (connection) {
            await this.#stop(node, object, { connection, path, mode, origin })
            return true
          }
          await this.#parts.slots.awaitConnection(object.slot.space)
          break
        }
        case 'lost':
          object.move('empty')
          node.object = undefined
          return true
        case 'empty':
          return false
        default:
          unreachable(object.state)
      }
    }
    return false
  }

  async #replace(node: ActionNode, object: ActionObject, path: string, origin: Origin): Promise<void> {
    const { space } = object.slot
    const { connection } = space.server
    if (!connection) return this.#parts.slots.awaitConnection(space)
    try {
      await this.#stop(node, object, { connection, path, mode: 'wait', origin })
    } catch (thrown) {
      const error = GliderError.from(thrown)
      if (error.code !== 'ACTION_FAILED') throw error
      this.#parts.log.warn({ path, ...operationOf(origin), error }, 'onDelete of a replaced object threw')
    }
  }

  async #stop(node: ActionNode, object: ActionObject, { connection, path, mode, origin }: Stopping): Promise<void> {
    object.move('deleting')
    const { index, generation } = object.slot
    const where = { slot: index, epoch: generation.epoch, counter: generation.counter }
    const how = { mode, ...originFields(origin) }
    const stopping = connection.request(catalogue.stopObject, { ...where, ...how }).then(
      () => undefined,
      (thrown: unknown) => GliderError.from(thrown),
    )
    object.settled = stopping.then(error => {
      object.move('empty')
      node.object = undefined
      this.#free(object, error)
    })
    const error = await stopping
    await object.settled
    if (!error || object.lostCause !== undefined || error.code === 'ACTION_LOST' || error.code === 'NO_ACTION_OBJECT') return
    throw isUnanswered(error)
      ? new GliderError(error.code, `${path}: ${error.message}`, { cause: error, outcome: 'unknown' })
      : error
  }

  /** What waits for the object's streams, or for its onCreate, is not to wait any longer. */
  #hurry(object: ActionObject): void {
    const { index, generation, space } = object.slot
    const where = { slot: index, epoch: generation.epoch, counter: generation.counter }
    space.server.connection?.request(catalogue.stopObject, { ...where, mode: 'abort' }).catch(() => {})
  }

  /** After an answer the slot is free; without one, whether the object lives is not known. */
  #free(object: ActionObject, error: GliderError | undefined): void {
    if (error && isUnanswered(error)) this.#parts.slots.clear(object.slot)
    else {
      object.slot.space.give(object.slot)
      this.#parts.definitions.released(object.version)
    }
  }

  #changed(node: ActionNode): void {
    this.#parts.journal.keep('node', node)
    if (node.object?.state === 'lost') this.#parts.definitions.released(node.object.version)
  }

  #target(head: { path?: string; node?: number }): Target<ActionNode> {
    const { node, path } = this.#parts.tree.target(head)
    if (node.type !== 'action') throw typeMismatch(path, node.type, 'an action')
    return { node, path }
  }
}

/** For the log. */
function operationOf({ operation }: Origin): { operation?: string } {
  return operation === undefined ? {} : { operation }
}

function isOccupied({ object }: ActionNode): boolean {
  return object !== undefined && object.state !== 'lost'
}

function isUnanswered(error: GliderError): boolean {
  return error.code === 'UNAVAILABLE' || error.code === 'TIMEOUT' || error.code === 'CANCELLED'
}
