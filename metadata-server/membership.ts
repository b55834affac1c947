/**
 * Which storage and active servers there are, and whether they live. Always holds: at most one server that is not dead has
 * a given address; a dead server's space is in no rotation and its connection is closed.
 */
import type { AnswerOf, catalogue, HeadOf, ServerInfo } from '../protocol/catalogue.ts'
import { type Clock, every, type Timer } from '../protocol/clock.ts'
import { GliderError, invariant } from '../protocol/errors.ts'
import { compareGenerations } from '../protocol/generation.ts'
import type { Connection } from '../protocol/peer.ts'
import { remedies } from '../protocol/remedies.ts'
import { countOf } from '../protocol/units.ts'
import type { Log } from '../server/log.ts'
import type { MetadataConfig } from './config.ts'
import { Emptying } from './emptying.ts'
import type { Frees } from './frees.ts'
import type { Journal } from './journal/journal.ts'
import { checkOffer, DEFAULT_NAMESPACE, type Member, move, newServer, serverInfo } from './members.ts'
import type { Recovery } from './recovery.ts'
import type { ServerRecord } from './servers.ts'
import type { SlotSpaces } from './slots.ts'
import type { BlockSpaces } from './spaces.ts'

export interface MembershipParts {
  readonly config: MetadataConfig
  readonly clock: Clock
  readonly log: Log
  readonly blocks: BlockSpaces
  /** @throws GliderError NOT_FOUND where there is no such namespace */
  readonly slotsOf: (namespace: string) => SlotSpaces
  readonly frees: Frees
  readonly recovery: Recovery
  readonly journal: Journal
  /** Told of each server that has connected. */
  readonly joined: (server: ServerRecord) => void
  /** Told of each active server that is dead or was taken out. */
  readonly left?: (server: ServerRecord) => void
}

export class Membership {
  readonly #parts: MembershipParts
  /** By incarnation. Dead storage servers stay while nodes own blocks on them. */
  readonly #members = new Map<string, Member>()
  /** Incarnations that the operator took out. */
  readonly #removed = new Set<string>()
  /** Those of an earlier start that have not come back yet. */
  readonly #restored = new Set<Member>()
  readonly #emptying = new Emptying()
  readonly #sweeper: Timer
  #lastSweepMs: number
  readonly #numbers = { storage: 0, active: 0 }

  constructor(parts: MembershipParts) {
    this.#parts = parts
    this.#lastSweepMs = parts.clock.now()
    this.#sweeper = every(parts.clock, parts.config.sweepMs, () => this.#sweep())
  }

  /** Puts a server back that was there at an earlier start. Until it registers again it may be on its way, or dead. */
  restore(member: Member): void {
    const { role, server } = member
    if (server.state === 'removed') {
      this.restoreRemoved(server, role)
      return
    }
    this.#numbers[role] = Math.max(this.#numbers[role], server.number)
    server.lastSeenMs = this.#parts.clock.now()
    this.#members.set(server.incarnation, member)
    this.#restored.add(member)
  }

  /** One that was there at an earlier start, and is not to come back. */
  restoreRemoved({ number, incarnation }: Pick<ServerRecord, 'number' | 'incarnation'>, role: Member['role']): void {
    this.#numbers[role] = Math.max(this.#numbers[role], number)
    this.#removed.add(incarnation)
  }

  register(head: HeadOf<typeof catalogue.register>, connection: Connection): AnswerOf<typeof catalogue.register> {
    checkOffer(head, this.#parts.config.blockBytes)
    if (this.#removed.has(head.incarnation)) {
      throw new GliderError(
        'FORBIDDEN',
        `the server at ${head.address} was taken out of the cluster: start it anew to join again`,
      )
    }
    const known = this.#members.get(head.incarnation)
    if (known && known.server.address !== head.address) {
      const { id, address } = known.server
      throw new GliderError('FORBIDDEN', `${id} is at ${address}, and not at ${head.address}: to move, start it anew`)
    }
    for (const { server } of this.#members.values()) {
      if (server.address === head.address && server.incarnation !== head.incarnation && server.state !== 'dead') {
        this.#die(server.incarnation, `another server came up at ${server.address}`)
      }
    }
    const member = known ?? this.#join(head)
    this.#connect(member, connection, known !== undefined)
    return { id: member.server.id, blockBytes: this.#parts.config.blockBytes, known: known !== undefined }
  }

  /**
   * Answers whose it is.
   * @throws GliderError NOT_FOUND where the server has to register (again)
   */
  heartbeat(incarnation: string): Member {
    const member = this.#alive(incarnation)
    member.server.lastSeenMs = this.#parts.clock.now()
    return member
  }

  /** Whether a report of the server has not come before. */
  isNews({ server }: Member, report: number): boolean {
    if (report === server.lastReport) return false
    server.lastReport = report
    return true
  }

  objectsLost({ incarnation, objects, cause }: HeadOf<typeof catalogue.objectsLost>): void {
    const member = this.#alive(incarnation)
    if (member.role !== 'active') throw new GliderError('INVALID_ARGUMENT', `${member.server.id} is no active server`)
    for (const { slot, ...generation } of objects) {
      const taken = member.space.taken.get(slot)
      if (taken && compareGenerations(taken.generation, generation) === 0) taken.occupant.lost(cause)
    }
  }

  /** The namespace that a server is for, by the connection of its registration. */
  namespaceOf(connection: Connection): string {
    return this.memberOf(connection)?.server.namespace ?? DEFAULT_NAMESPACE
  }

  memberOf(connection: Connection): Member | undefined {
    for (const member of this.#members.values()) if (member.server.connection === connection) return member
    return undefined
  }

  /** That of the active server whose actions have a token. */
  namespaceByToken(tokenHash: string): string | undefined {
    for (const { role, server } of this.#members.values()) {
      if (role === 'active' && server.tokenHash === tokenHash && server.state !== 'dead') return server.namespace
    }
    return undefined
  }

  /** Takes out the active servers of a namespace that is no more. */
  dismiss(namespace: string): void {
    for (const { role, server } of this.members())
      if (role === 'active' && server.namespace === namespace) this.remove(server.id, true)
  }

  members(): Member[] {
    return [...this.#members.values()]
  }

  list(): ServerInfo[] {
    return [...this.#members.values()].map(serverInfo)
  }

  /** From here on nothing new goes to the server; what is there stays. */
  drain(id: string): ServerInfo {
    const member = this.#byId(id)
    member.server.draining = true
    this.#parts.journal.keep('server', member)
    return serverInfo(member)
  }

  /** The server itself says so: it is about to end. Answers its space. */
  leaving(incarnation: string): Member['space'] {
    const { server, space } = this.#alive(incarnation)
    if (!server.draining) this.drain(server.id)
    return space
  }

  /** Nobody is told any more when a server is empty. */
  stopWaiting(why: GliderError): void {
    for (const member of this.#members.values()) this.#emptying.abandon(member, why)
  }

  /** Resolves once nobody owns anything on the server; nobody hears of it after the signal. */
  whenEmpty(id: string, signal: AbortSignal): Promise<ServerInfo> {
    const member = this.#byId(id)
    return this.#emptying.wait(member, signal).then(() => serverInfo(member))
  }

  /** Takes a server out for good. What is still there is lost. */
  remove(id: string, force: boolean): ServerInfo {
    const member = this.#byId(id)
    const { server, space } = member
    if (space.used > 0 && !force) {
      const held = countOf(space.used, member.role === 'storage' ? 'block' : 'action object')
      throw new GliderError('NOT_EMPTY', `${id} still holds ${held}: wait until it is drained, or ${remedies.forceLoss}`)
    }
    this.#removed.add(server.incarnation)
    const wasDead = server.state === 'dead'
    move(server, 'removed')
    this.#forget(member)
    this.#parts.journal.keep('server', member)
    this.#emptying.abandon(member, new GliderError('NOT_FOUND', `${id} was taken out of the cluster`))
    if (!wasDead) this.#leave(member, 'taken out of the cluster')
    return serverInfo(member)
  }

  stop(): void {
    this.#sweeper.cancel()
  }

  #join(head: HeadOf<typeof catalogue.register>): Member {
    if (head.role === 'active') this.#parts.slotsOf(head.namespace ?? DEFAULT_NAMESPACE)
    this.#numbers[head.role] += 1
    const server = newServer(this.#numbers[head.role], head)
    const { blocks, slotsOf, journal } = this.#parts
    const member: Member =
      head.role === 'storage'
        ? { role: 'storage', server, space: blocks.join(server, Math.floor(head.capacity / blocks.blockBytes)) }
        : { role: 'active', server, space: slotsOf(server.namespace).join(server, head.capacity) }
    this.#members.set(head.incarnation, member)
    journal.keep('server', member)
    this.#parts.log.info({ server: server.id, address: server.address, storageClass: server.storageClass }, 'a server has joined')
    return member
  }

  #connect(member: Member, connection: Connection, isKnown: boolean): void {
    const { server } = member
    const old = server.connection
    const wasDead = server.state === 'dead'
    if (server.state !== 'live') move(server, 'live')
    if (wasDead) this.#parts.journal.keep('server', member)
    server.lastSeenMs = this.#parts.clock.now()
    server.connection = connection
    if (old && old !== connection) old.close()
    if (member.role === 'storage') {
      if (wasDead) this.#parts.blocks.enter(member.space)
      this.#parts.frees.resume(server)
    } else member.space.siblings.resume(member.space)
    this.#parts.joined(server)
    if (this.#restored.has(member) || (isKnown && member.role === 'active')) void this.#recover(member)
    connection.onClose(() => {
      if (server.connection !== connection) return
      server.connection = undefined
      if (server.state === 'live') move(server, 'suspect')
    })
  }

  async #recover(member: Member): Promise<void> {
    if (await this.#parts.recovery.run(member)) this.#restored.delete(member)
  }

  #byId(id: string): Member {
    for (const member of this.#members.values()) if (member.server.id === id) return member
    throw new GliderError('NOT_FOUND', `there is no server ${id}: list the servers to see which there are`)
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
    for (const member of this.#members.values()) {
      const { role, server, space } = member
      server.lastSeenMs += stoodStill
      if (server.state !== 'dead') {
        if (now - server.lastSeenMs >= config.deadAfterMs) this.#die(server.incarnation, `silent for ${config.deadAfterMs} ms`)
      } else if (role === 'storage' && space.used === 0) this.#forget(member)
    }
  }

  #die(incarnation: string, cause: string): void {
    const member = this.#members.get(incarnation)
    invariant(member, 'only members die')
    move(member.server, 'dead')
    this.#parts.journal.keep('server', member)
    if (member.role === 'active' || member.space.used === 0) this.#forget(member)
    this.#leave(member, cause)
  }

  /** The server, dead or removed by now, is of no use any more. */
  #leave(member: Member, cause: string): void {
    const { server } = member
    const { connection, id, address, state } = server
    server.connection = undefined
    this.#parts.log.warn({ server: id, address, cause }, `a server is ${state}`)
    if (member.role === 'storage') this.#parts.blocks.leave(member.space)
    else {
      member.space.siblings.leave(member.space, `the active server ${id} at ${address} is gone: ${cause}`)
      this.#parts.left?.(server)
    }
    connection?.close(new GliderError('UNAVAILABLE', `${id} at ${address} was given up: ${cause}`))
  }

  #forget(member: Member): void {
    const { server } = member
    this.#members.delete(server.incarnation)
    this.#restored.delete(member)
    this.#parts.frees.forget(server)
    this.#parts.journal.drop('server', member)
  }
}
