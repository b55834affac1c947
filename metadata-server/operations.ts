/** Which part answers which operation of the catalogue, for frames and for the REST face alike. */
import { type BundleInfo, catalogue, type HeadOf, type OperationName, type ServerInfo } from '../protocol/catalogue.ts'
import { type GliderError, invariant } from '../protocol/errors.ts'
import type { OpenStreamsReport } from '../protocol/membership-operations.ts'
import type { Operation } from '../protocol/operation.ts'
import type { Origin } from '../protocol/origin.ts'
import type { ByteStream, Call, Handlers, Reply } from '../protocol/peer.ts'
import type { OperationLog } from '../server/operation-log.ts'
import type { Access } from './access.ts'
import type { Activity } from './activity.ts'
import type { Numbered } from './answers.ts'
import type { Caller } from './caller.ts'
import { type Ran, whenGiven } from './certain.ts'
import type { Definitions } from './definitions.ts'
import { Draining } from './draining.ts'
import type { Fsck } from './fsck.ts'
import type { Journal } from './journal/journal.ts'
import type { Member } from './members.ts'
import type { Membership } from './membership.ts'
import type { Namespace } from './namespace.ts'
import type { Namespaces } from './namespaces.ts'
import type { Revocations } from './revocations.ts'
import type { BlockSpaces, ClassUsage } from './spaces.ts'
import type { Totals } from './totals.ts'

export interface OperationsParts {
  readonly namespaces: Namespaces
  readonly revocations: Revocations
  /** Of all namespaces together. */
  readonly totals: Totals
  /** Those of the cluster. */
  readonly blocks: BlockSpaces
  readonly membership: Membership
  readonly fsck: Fsck
  readonly activity: Activity
  readonly journal: Journal
  readonly access: Access
  readonly followed: OperationLog
}

type Run<Head, A> = (namespace: Namespace, head: Head, caller: Caller) => Ran<A>

type RunBytes<Head, A> = (namespace: Namespace, head: Head, body: Buffer, caller: Caller) => Reply<A>

/** How an operation is carried out; the head was validated. Of one with bytes, the answer is a {@link Reply}. */
export interface Routine {
  readonly operation: Operation
  run(head: unknown, caller: Caller, body?: Buffer): unknown
  bind(handlers: Handlers): void
}

export interface MetadataStats {
  readonly nodes: number
  readonly storedBytes: number
  /** Memory that is taken by the bytes kept inline. */
  readonly inlineBytes: number
  readonly blocks: readonly ClassUsage[]
  readonly slots: { readonly used: number; readonly free: number }
  readonly keptAnswers: number
  readonly leases: number
}

const NO_BYTES = Buffer.alloc(0)
/** Chunks of a bundle on its way to an active server. */
const CHUNK_BYTES = 256 << 10

export class Operations {
  readonly #parts: OperationsParts
  readonly #routines = new Map<string, Routine>()
  readonly #draining = new Draining()
  #located = 0

  constructor(parts: OperationsParts) {
    this.#parts = parts
    this.#tree()
    this.#leases()
    this.#bytes()
    this.#actions()
    this.#cluster()
    this.#namespaces()
  }

  routine(name: OperationName): Routine | undefined {
    return this.#routines.get(name)
  }

  deploy(
    head: HeadOf<typeof catalogue.deploy> & Numbered,
    chunks: AsyncIterable<Uint8Array>,
    caller: Caller,
  ): ReturnType<Definitions['deploy']> {
    this.#draining.check('deploy')
    const { answers, definitions } = caller.namespace
    const deploy = (): Promise<BundleInfo> => definitions.deploy(head, chunks)
    caller.namespace.ledger.didOne()
    return Promise.resolve(this.#settled(caller, () => answers.once('deploy', head, caller, false, deploy)))
  }

  /** From here on nothing is begun, and nobody waits here for what may take for ever. */
  drain(why: GliderError): void {
    this.#draining.begin(why)
    this.#parts.membership.stopWaiting(why)
  }

  /** Open for writing. */
  get writers(): number {
    let writers = 0
    for (const { claims } of this.#parts.namespaces.all()) writers += claims.size
    return writers
  }

  /** How often readers have asked for more blocks. */
  get located(): number {
    return this.#located
  }

  servers(): ServerInfo[] {
    return this.#parts.membership.list()
  }

  /** Over all namespaces. */
  stats(): MetadataStats {
    const { namespaces, totals, blocks } = this.#parts
    const { storedBytes, inlineBytes } = totals
    const stats = { nodes: 0, slots: { used: 0, free: 0 }, keptAnswers: 0, leases: 0 }
    for (const { tree, slots, answers, leases } of namespaces.all()) {
      const { used, free } = slots.usage()
      stats.nodes += tree.count
      stats.slots.used += used
      stats.slots.free += free
      stats.keptAnswers += answers.size
      stats.leases += leases.size
    }
    return { ...stats, storedBytes, inlineBytes, blocks: blocks.usage() }
  }

  bind(handlers: Handlers): void {
    const { membership, namespaces, access } = this.#parts
    for (const routine of this.#routines.values()) routine.bind(handlers)
    handlers.answer(catalogue.challenge, (_head, { connection }) => access.challenge(connection))
    handlers.answer(catalogue.authenticate, (head, { connection }) => access.authenticate(head, connection))
    handlers.answer(catalogue.register, (head, call) =>
      this.#settled(access.callerOf(call), () => {
        access.checkOwn(head, call.connection)
        const answer = membership.register(head, call.connection)
        if (head.role !== 'active') return answer
        const { definitions } = namespaces.get(membership.namespaceOf(call.connection))
        definitions.setBuiltin(head.builtin ?? [])
        return { ...answer, ...this.#share(membership.memberOf(call.connection), head.streams) }
      }),
    )
    handlers.answer(catalogue.awaitEmpty, ({ id }, { signal }) => {
      this.#draining.check('awaitEmpty')
      return membership.whenEmpty(id, signal)
    })
    handlers.stream(catalogue.deploy, (head, stream, call) => this.deploy(head, chunksOf(stream), access.callerOf(call)))
    handlers.stream(catalogue.fetchBundle, async ({ version }, stream, { connection }) => {
      const code = namespaces.get(membership.namespaceOf(connection)).definitions.code(version)
      for (let at = 0; at < code.length; at += CHUNK_BYTES) await stream.write(code.subarray(at, at + CHUNK_BYTES))
      return {}
    })
  }

  #tree(): void {
    this.#add(catalogue.create, ({ nodes }, head) => nodes.create(head))
    this.#add(catalogue.lookup, ({ nodes }, head) => nodes.lookup(head))
    this.#add(catalogue.stat, ({ nodes }, head) => nodes.stat(head))
    this.#add(catalogue.exists, ({ nodes }, head) => ({ exists: nodes.exists(head) }))
    this.#add(catalogue.list, ({ nodes }, head) => nodes.list(head))
    this.#add(catalogue.rename, ({ nodes }, head) => nodes.rename(head))
    this.#add(catalogue.delete, ({ nodes }, head) => nodes.delete(head))
  }

  #leases(): void {
    this.#add(catalogue.takeLease, ({ leases }, head) => leases.take(head))
    this.#add(catalogue.renewLease, ({ leases }, head) => {
      leases.renew(head)
      return {}
    })
    this.#add(catalogue.releaseLease, ({ leases }, head) => {
      leases.release(head)
      return {}
    })
  }

  #bytes(): void {
    // A claim ends with its caller: a repeat over another connection is to take a new one.
    this.#addBytes(catalogue.openWrite, ({ writes }, head, _body, caller) => writes.open(head, caller), { bound: true })
    this.#add(catalogue.extend, ({ writes }, head, caller) => writes.extend(head, caller))
    this.#add(catalogue.replaceBlock, ({ exchange }, head, caller) => exchange.replace(head, caller))
    this.#add(catalogue.commit, ({ writes }, head) => writes.commit(head))
    this.#add(catalogue.release, ({ writes }, { claim }) => {
      writes.release(claim)
      return {}
    })
    this.#addBytes(catalogue.openRead, ({ reads }, head, _body, caller) => reads.open(head, caller))
    this.#add(catalogue.locate, ({ reads, writes }, head, caller) => {
      this.#located++
      return head.claim === undefined ? reads.locate(head, caller) : writes.locate(head, head.claim, caller)
    })
    this.#addBytes(catalogue.put, ({ values }, head, body) => ({ head: values.put(head, body) }))
    this.#addBytes(catalogue.get, ({ reads }, head, _body, caller) => reads.get(head, caller))
    this.#add(catalogue.locateParts, ({ bags }, head, caller) => {
      this.#located++
      return bags.locate(head, caller)
    })
  }

  #actions(): void {
    this.#add(catalogue.createObject, ({ objects }, head) => objects.create(head))
    this.#add(catalogue.deleteObject, async ({ objects }, head) => ({ deleted: await objects.delete(head) }))
    this.#add(catalogue.openObject, ({ objects }, head, caller) => objects.open(head, caller))
    this.#add(catalogue.definitions, ({ definitions }) => ({ bundles: definitions.list() }))
    this.#add(catalogue.undeploy, ({ definitions }, { name, force }) => ({
      undeployed: definitions.undeploy(name, force ?? false),
    }))
  }

  #cluster(): void {
    const { membership, fsck, activity, namespaces } = this.#parts
    this.#add(catalogue.heartbeat, (_namespace, { incarnation, streams, traffic }) => {
      const member = membership.heartbeat(incarnation)
      if (traffic && membership.isNews(member, traffic.number)) namespaces.addTraffic(member, traffic.rows)
      return this.#share(member, streams)
    })
    this.#add(catalogue.objectsLost, (_namespace, head) => {
      membership.objectsLost(head)
      return {}
    })
    this.#add(catalogue.leaving, (_namespace, { incarnation }) => {
      const space = membership.leaving(incarnation)
      let writers = 0
      for (const { claims } of namespaces.all()) writers += claims.on(space)
      return { writers }
    })
    this.#add(catalogue.servers, () => ({ servers: this.servers() }))
    this.#add(catalogue.drainServer, (_namespace, { id }) => membership.drain(id))
    this.#add(catalogue.removeServer, (_namespace, { id, force }) => membership.remove(id, force ?? false))
    this.#add(catalogue.activity, (_namespace, { most }) => activity.list(most))
    this.#add(catalogue.fsck, (_namespace, { repair }) => fsck.run(repair ?? false))
    this.#add(catalogue.echo, (_namespace, { path, type = 'file' }) => ({
      node: 0,
      path,
      type,
      size: 0,
      storageClass: '',
      createdAt: 0,
    }))
    this.#add(catalogue.usage, namespace => namespace.usage())
  }

  /** What an active server may have open of streams, where there is a quota. */
  #share(member: Member | undefined, report: OpenStreamsReport | undefined): { streams?: number } {
    if (member?.role !== 'active' || !report) return {}
    const streams = this.#parts.namespaces.get(member.server.namespace).shares.of(member.space, report)
    return streams === undefined ? {} : { streams }
  }

  #namespaces(): void {
    const { namespaces, membership, access, revocations } = this.#parts
    this.#add(catalogue.createNamespace, (_namespace, head) => {
      access.checkTokens()
      return namespaces.create(head)
    })
    this.#add(catalogue.setQuota, (_namespace, head) => namespaces.setQuota(head))
    this.#add(catalogue.listNamespaces, (_namespace, head) => namespaces.list(head))
    this.#add(catalogue.rotateToken, async (_namespace, head) => {
      namespaces.rotate(head)
      await revocations.settled()
      return {}
    })
    this.#add(catalogue.revokeToken, async (_namespace, head) => {
      namespaces.revoke(head)
      await revocations.settled()
      return {}
    })
    this.#add(catalogue.deleteNamespace, async (_namespace, head) => {
      const deleted = await namespaces.delete(head, membership)
      await revocations.settled()
      return deleted
    })
  }

  #add<Head, A>(operation: Operation<Head, A>, run: Run<Head, A>): void {
    const { access, followed } = this.#parts
    const { name } = operation
    const once = operation.changes
      ? (head: Head, caller: Caller) =>
          caller.namespace.answers.once(name, head as Numbered, caller, false, () => run(caller.namespace, head, caller))
      : (head: Head, caller: Caller) => whenGiven(run(caller.namespace, head, caller))
    const count = counterOf(operation)
    const settle = (head: Head, caller: Caller): A | Promise<A> => this.#settled(caller, () => once(head, caller))
    const settled = (head: Head, caller: Caller): A | Promise<A> => {
      this.#draining.check(name)
      count(caller)
      return isFollowed(head) ? followed.during(name, head, () => settle(head, caller)) : settle(head, caller)
    }
    const asked = (head: Head, call: Call): A | Promise<A> => settled(head, access.callerOf(call))
    const askedByServer = (head: Head, call: Call): A | Promise<A> => {
      access.checkOfItself(head, call.connection)
      return asked(head, call)
    }
    this.#enter({
      operation,
      run: (head, caller) => settled(head as Head, caller),
      bind: handlers => handlers.answer(operation, operation.by === 'server' ? askedByServer : asked),
    })
  }

  #addBytes<Head, A>(operation: Operation<Head, A>, run: RunBytes<Head, A>, { bound = false } = {}): void {
    const { access } = this.#parts
    const { name } = operation
    const counting = (head: Head, body: Buffer, caller: Caller): Reply<A> => {
      const { namespace } = caller
      const reply = run(namespace, head, body, caller)
      namespace.ledger.moved(body.length, reply.body?.length ?? 0)
      return reply
    }
    const once = operation.changes
      ? (head: Head, body: Buffer, caller: Caller) =>
          caller.namespace.answers.once(name, head as Numbered, caller, bound, () => counting(head, body, caller))
      : counting
    const count = counterOf(operation)
    const settled = (head: Head, body: Buffer, caller: Caller): Reply<A> | Promise<Reply<A>> => {
      this.#draining.check(name)
      count(caller)
      return this.#settled(caller, () => once(head, body, caller))
    }
    this.#enter({
      operation,
      run: (head, caller, body = NO_BYTES) => settled(head as Head, body, caller),
      bind: handlers => handlers.answerBytes(operation, (head, body, call) => settled(head, body, access.callerOf(call))),
    })
  }

  /** Nobody is told, be it by an answer or an error, of what a restart would not find. */
  #settled<A>(caller: Caller, run: () => A | Promise<A>): A | Promise<A> {
    const { journal } = this.#parts
    caller.namespace.checkOpen()
    caller.namespace.claims.returned(caller)
    let answer: A | Promise<A>
    try {
      answer = run()
    } catch (error) {
      const settled = journal.settled()
      if (!settled) throw error
      return settled.then(() => {
        throw error
      })
    }
    if (answer instanceof Promise) return this.#whenSettled(answer)
    const settled = journal.settled()
    return settled ? settled.then(() => answer) : answer
  }

  async #whenSettled<A>(answer: Promise<A>): Promise<A> {
    try {
      return await answer
    } finally {
      await this.#parts.journal.settled()
    }
  }

  #enter(routine: Routine): void {
    const { name } = routine.operation
    invariant(!this.#routines.has(name), `${name} has one routine`)
    this.#routines.set(name, routine)
  }
}

/** What the cluster asks of itself is nobody's. */
function counterOf({ by }: Operation): (caller: Caller) => void {
  return by === 'tenant' ? ({ namespace }) => namespace.ledger.didOne() : () => {}
}

function isFollowed(head: unknown): head is Origin {
  return (head as Origin).operation !== undefined
}

async function* chunksOf(stream: ByteStream): AsyncGenerator<Buffer> {
  for (let chunk = await stream.read(); chunk; chunk = await stream.read()) yield chunk
}
