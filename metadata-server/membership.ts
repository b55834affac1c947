/**
 * Which storage and active servers there are, and whether they live. Always holds: at most one server that is not dead has
 * a given address; a dead server's space is in no rotation and its connection is closed.
 */
import type { AnswerOf, catalogue, HeadOf, ServerInfo } from '../protocol/catalogue.ts'
import { type Clock, every, type Timer } from '../protocol/clock.ts'
import { GliderError, invariant } from '../protocol/errors.ts'
import { INCARNATION_BYTES } from '../protocol/location.ts'
import type { Connection } from '../protocol/peer.ts'
import type { Log } from '../server/log.ts'
import type { BlockSpace } from './blocks.ts'
import type { MetadataConfig } from './config.ts'
import type { Frees } from './frees.ts'
import type { ServerRecord, ServerState } from './servers.ts'
import type { SlotSpace, SlotSpaces } from './slots.ts'
import type { BlockSpaces } from './spaces.ts'

/**
 * - live → suspect: its registration connection has gone. Clients may still reach it.
 * - suspect → live: it has registered again.
 * - live or suspect → dead: silent for too long, or another incarnation came up at its address.
 * - dead → live: the same storage server after all, with what was not freed meanwhile. An active server that was declared
 *   dead starts over: its objects are lost already.
 */
const transitions: Record<ServerState, readonly ServerState[]> = {
  live: ['suspect', 'dead'],
  suspect: ['live', 'dead'],
  dead: ['live'],
}

type Member =
  | { readonly role: 'storage'; readonly server: ServerRecord; readonly space: BlockSpace }
  | { readonly role: 'active'; readonly server: ServerRecord; readonly space: SlotSpace }

export interface MembershipParts {
  readonly config: MetadataConfig
  readonly clock: Clock
  readonly log: Log
  readonly blocks: BlockSpaces
  readonly slots: SlotSpaces
  readonly frees: Frees
}

export class Membership {
  readonly #parts: MembershipParts
  /** By incarnation. Dead storage servers stay while nodes own blocks on them. */
  readonly #members = new Map<string, Member>()
  readonly #sweeper: Timer
  #lastSweepMs: number
  readonly #numbers = { storage: 0, active: 0 }

  constructor(parts: MembershipParts) {
    this.#parts = parts
    this.#lastSweepMs = parts.clock.now()
    this.#sweeper = every(parts.clock, parts.config.sweepMs, () => this.#sweep())
  }

  register(head: HeadOf<typeof catalogue.register>, connection: Connection): AnswerOf<typeof catalogue.register> {
    check(head)
    for (const { server } of this.#members.values()) {
      if (server.address === head.address && server.incarnation !== head.incarnation && server.state !== 'dead') {
        this.#die(server.incarnation, `another server came up at ${server.address}`)
      }
    }
    const known = this.#members.get(head.incarnation)
    const member = known ?? this.#join(head)
    this.#connect(member, connection)
    return { id: member.server.id, blockBytes: this.#parts.config.blockBytes, known: known !== undefined }
  }

  /** @throws GliderError NOT_FOUND where the server has to register (again) */
  heartbeat(incarnation: string): void {
    this.#alive(incarnation).server.lastSeenMs = this.#parts.clock.now()
  }

  objectsLost(incarnation: string, slots: readonly number[], cause: string): void {
    const member = this.#alive(incarnation)
    if (member.role !== 'active') throw new GliderError('INVALID_ARGUMENT', `${member.server.id} is no active server`)
    for (const slot of slots) member.space.taken.get(slot)?.occupant.lost(cause)
  }

  list(): ServerInfo[] {
    return [...this.#members.values()].map(({ role, server, space }) => ({
      id: server.id,
      role,
      address: server.address,
      state: server.state === 'dead' ? 'dead' : 'live',
      storageClass: server.storageClass,
      capacity: space.capacity,
      free: server.state === 'dead' ? 0 : space.free,
    }))
  }

  stop(): void {
    this.#sweeper.cancel()
  }

  #join(head: HeadOf<typeof catalogue.register>): Member {
    this.#numbers[head.role] += 1
    const server: ServerRecord = {
      id: `${head.role}-${this.#numbers[head.role]}`,
      incarnation: head.incarnation,
      address: head.address,
      storageClass: head.storageClass,
      proofKey: Buffer.from(head.proofKey, 'base64url'),
      state: 'live',
      lastSeenMs: 0,
      connection: undefined,
    }
    const member: Member =
      head.role === 'storage'
        ? { role: 'storage', server, space: this.#parts.blocks.join(server, head.capacity) }
        : { role: 'active', server, space: this.#parts.slots.join(server, head.capacity) }
    this.#members.set(head.incarnation, member)
    this.#parts.log.info({ server: server.id, address: server.address, storageClass: server.storageClass }, 'a server has joined')
    return member
  }

  #connect(member: Member, connection: Connection): void {
    const { server } = member
    const old = server.connection
    const wasDead = server.state === 'dead'
    if (server.state !== 'live') move(server, 'live')
    server.lastSeenMs = this.#parts.clock.now()
    server.connection = connection
    if (old && old !== connection) old.close()
    if (member.role === 'storage') {
      if (wasDead) this.#parts.blocks.enter(member.space)
      this.#parts.frees.resume(server)
    } else this.#parts.slots.resume(member.space)
    connection.onClose(() => {
      if (server.connection !== connection) return
      server.connection = undefined
      if (server.state === 'live') move(server, 'suspect')
    })
  }

  #alive(incarnation: string): Member {
    const member = this.#members.get(incarnation)
    if (!member || member.server.state === 'dead') {
      throw new GliderError(
        'NOT_FOUND',
        `the server with incarnation ${incarnation} is not known, or was given up: register again`,
      )
    }
    return member
  }

  #sweep(): void {
    const { clock, config } = this.#parts
    const now = clock.now()
    // Time in which this process itself stood still is nobody's silence.
    const stoodStill = Math.max(0, now - this.#lastSweepMs - 2 * config.sweepMs)
    this.#lastSweepMs = now
    for (const { role, server, space } of this.#members.values()) {
      server.lastSeenMs += stoodStill
      if (server.state !== 'dead') {
        if (now - server.lastSeenMs >= config.deadAfterMs) this.#die(server.incarnation, `silent for ${config.deadAfterMs} ms`)
      } else if (role === 'storage' && space.used === 0) this.#forget(server)
    }
  }

  #die(incarnation: string, cause: string): void {
    const member = this.#members.get(incarnation)
    invariant(member, 'only members die')
    const { server } = member
    const { connection } = server
    move(server, 'dead')
    server.connection = undefined
    this.#parts.log.warn({ server: server.id, address: server.address, cause }, 'a server is dead')
    if (member.role === 'storage') {
      this.#parts.blocks.leave(member.space)
      if (member.space.used === 0) this.#forget(server)
    } else {
      this.#forget(server)
      this.#parts.slots.leave(member.space, `the active server ${server.id} at ${server.address} is gone: ${cause}`)
    }
    connection?.close(new GliderError('UNAVAILABLE', `${server.id} at ${server.address} was given up: ${cause}`))
  }

  #forget(server: ServerRecord): void {
    this.#members.delete(server.incarnation)
    this.#parts.frees.forget(server)
  }
}

function move(server: ServerRecord, to: ServerState): void {
  invariant(transitions[server.state].includes(to), `${server.id} does not go from ${server.state} to ${to}`)
  server.state = to
}

function check(head: HeadOf<typeof catalogue.register>): void {
  if (Buffer.byteLength(head.incarnation, 'latin1') !== INCARNATION_BYTES) {
    throw new GliderError('INVALID_ARGUMENT', `the incarnation ${head.incarnation} has not ${INCARNATION_BYTES} characters`)
  }
  if ((head.role === 'active') !== (head.storageClass === 'active')) {
    const rule = 'active servers, and only they, have the storage class active'
    throw new GliderError('INVALID_ARGUMENT', `${head.address} offers the class ${head.storageClass}: ${rule}`)
  }
}
