/** Which part answers which operation of the catalogue, for frames and for the REST face alike. */
import { type BundleInfo, catalogue, type HeadOf, type OperationName } from '../protocol/catalogue.ts'
import { type GliderError, invariant } from '../protocol/errors.ts'
import type { Operation } from '../protocol/operation.ts'
import type { ByteStream, Handlers, Reply } from '../protocol/peer.ts'
import type { Answers, Numbered } from './answers.ts'
import type { BagReads } from './bag-reads.ts'
import type { BlockExchange } from './block-exchange.ts'
import { type Caller, callerOf } from './caller.ts'
import { type Ran, whenGiven } from './certain.ts'
import type { Claims } from './claims.ts'
import type { Definitions } from './definitions.ts'
import { Draining } from './draining.ts'
import type { FileReads } from './file-reads.ts'
import type { FileWrites } from './file-writes.ts'
import type { Fsck } from './fsck.ts'
import type { Journal } from './journal/journal.ts'
import type { Leases } from './leases.ts'
import type { Membership } from './membership.ts'
import type { Namespace } from './namespace.ts'
import type { Objects } from './objects.ts'
import type { SlotSpaces } from './slots.ts'
import type { BlockSpaces, ClassUsage } from './spaces.ts'
import type { Totals } from './totals.ts'
import type { Tree } from './tree.ts'
import type { Values } from './values.ts'

export interface OperationsParts {
  readonly tree: Tree
  readonly totals: Totals
  readonly blocks: BlockSpaces
  readonly slots: SlotSpaces
  readonly namespace: Namespace
  readonly leases: Leases
  readonly reads: FileReads
  readonly writes: FileWrites
  readonly exchange: BlockExchange
  readonly values: Values
  readonly bags: BagReads
  readonly objects: Objects
  readonly definitions: Definitions
  readonly membership: Membership
  readonly fsck: Fsck
  readonly answers: Answers
  readonly claims: Claims
  readonly journal: Journal
}

type Run<Head, A> = (head: Head, caller: Caller) => Ran<A>

type RunBytes<Head, A> = (head: Head, body: Buffer, caller: Caller) => Reply<A> | Promise<Reply<A>>

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
    const { answers, definitions } = this.#parts
    const deploy = (): Promise<BundleInfo> => definitions.deploy(head, chunks)
    return Promise.resolve(this.#settled(caller, () => answers.once('deploy', head, caller, false, deploy)))
  }

  /** From here on nothing is begun, and nobody waits here for what may take for ever. */
  drain(why: GliderError): void {
    this.#draining.begin(why)
    this.#parts.membership.stopWaiting(why)
  }

  /** Open for writing. */
  get writers(): number {
    return this.#parts.claims.size
  }

  /** How often readers have asked for more blocks. */
  get located(): number {
    return this.#located
  }

  stats(): MetadataStats {
    const { tree, totals, blocks, slots, answers, leases } = this.#parts
    const { storedBytes, inlineBytes } = totals
    return {
      nodes: tree.count,
      storedBytes,
      inlineBytes,
      blocks: blocks.usage(),
      slots: slots.usage(),
      keptAnswers: answers.size,
      leases: leases.size,
    }
  }

  bind(handlers: Handlers): void {
    const { membership, definitions } = this.#parts
    for (const routine of this.#routines.values()) routine.bind(handlers)
    handlers.answer(catalogue.register, (head, call) =>
      this.#settled(callerOf(call), () => {
        const answer = membership.register(head, call.connection)
        definitions.setBuiltin(head.builtin ?? [])
        return answer
      }),
    )
    handlers.answer(catalogue.awaitEmpty, ({ id }, { signal }) => {
      this.#draining.check('awaitEmpty')
      return membership.whenEmpty(id, signal)
    })
    handlers.stream(catalogue.deploy, (head, stream, call) => this.deploy(head, chunksOf(stream), callerOf(call)))
    handlers.stream(catalogue.fetchBundle, async ({ version }, stream) => {
      const code = definitions.code(version)
      for (let at = 0; at < code.length; at += CHUNK_BYTES) await stream.write(code.subarray(at, at + CHUNK_BYTES))
      return {}
    })
  }

  #tree(): void {
    const { namespace } = this.#parts
    this.#add(catalogue.create, head => namespace.create(head))
    this.#add(catalogue.lookup, head => namespace.lookup(head))
    this.#add(catalogue.stat, head => namespace.stat(head))
    this.#add(catalogue.exists, head => ({ exists: namespace.exists(head) }))
    this.#add(catalogue.list, head => namespace.list(head))
    this.#add(catalogue.rename, head => namespace.rename(head))
    this.#add(catalogue.delete, head => namespace.delete(head))
  }

  #leases(): void {
    const { leases } = this.#parts
    this.#add(catalogue.takeLease, head => leases.take(head))
    this.#add(catalogue.renewLease, head => {
      leases.renew(head)
      return {}
    })
    this.#add(catalogue.releaseLease, head => {
      leases.release(head)
      return {}
    })
  }

  #bytes(): void {
    const { reads, writes, exchange, values, bags } = this.#parts
    // A claim ends with its caller: a repeat over another connection is to take a new one.
    this.#addBytes(catalogue.openWrite, (head, _body, caller) => writes.open(head, caller), { bound: true })
    this.#add(catalogue.extend, head => writes.extend(head))
    this.#add(catalogue.replaceBlock, head => exchange.replace(head))
    this.#add(catalogue.commit, head => writes.commit(head))
    this.#add(catalogue.release, ({ claim }) => {
      writes.release(claim)
      return {}
    })
    this.#addBytes(catalogue.openRead, head => reads.open(head))
    this.#add(catalogue.locate, head => {
      this.#located++
      return head.claim === undefined ? reads.locate(head) : writes.locate(head, head.claim)
    })
    this.#addBytes(catalogue.put, (head, body) => ({ head: values.put(head, body) }))
    this.#addBytes(catalogue.get, head => reads.get(head))
    this.#add(catalogue.locateParts, head => {
      this.#located++
      return bags.locate(head)
    })
  }

  #actions(): void {
    const { objects, definitions } = this.#parts
    this.#add(catalogue.createObject, head => objects.create(head))
    this.#add(catalogue.deleteObject, async head => ({ deleted: await objects.delete(head) }))
    this.#add(catalogue.openObject, head => objects.open(head))
    this.#add(catalogue.definitions, () => ({ bundles: definitions.list() }))
    this.#add(catalogue.undeploy, ({ name, force }) => ({ undeployed: definitions.undeploy(name, force ?? false) }))
  }

  #cluster(): void {
    const { membership, fsck, tree, totals, blocks, slots, claims } = this.#parts
    this.#add(catalogue.heartbeat, ({ incarnation }) => {
      membership.heartbeat(incarnation)
      return {}
    })
    this.#add(catalogue.objectsLost, head => {
      membership.objectsLost(head)
      return {}
    })
    this.#add(catalogue.leaving, ({ incarnation }) => {
      const space = membership.leaving(incarnation)
      return { writers: claims.on(space) }
    })
    this.#add(catalogue.servers, () => ({ servers: membership.list() }))
    this.#add(catalogue.drainServer, ({ id }) => membership.drain(id))
    this.#add(catalogue.removeServer, ({ id, force }) => membership.remove(id, force ?? false))
    this.#add(catalogue.fsck, ({ repair }) => fsck.run(repair ?? false))
    this.#add(catalogue.echo, ({ path, type = 'file' }) => ({ node: 0, path, type, size: 0, storageClass: '', createdAt: 0 }))
    this.#add(catalogue.usage, () => ({
      nodes: tree.count,
      storedBytes: totals.storedBytes,
      blocks: blocks.usedBlocks,
      slots: slots.usage().used,
    }))
  }

  #add<Head, A>(operation: Operation<Head, A>, run: Run<Head, A>): void {
    const { answers } = this.#parts
    const once = operation.changes
      ? (head: Head, caller: Caller) => answers.once(operation.name, head as Numbered, caller, false, () => run(head, caller))
      : (head: Head, caller: Caller) => whenGiven(run(head, caller))
    const settled = (head: Head, caller: Caller): A | Promise<A> => {
      this.#draining.check(operation.name)
      return this.#settled(caller, () => once(head, caller))
    }
    this.#enter({
      operation,
      run: (head, caller) => settled(head as Head, caller),
      bind: handlers => handlers.answer(operation, (head, call) => settled(head, callerOf(call))),
    })
  }

  #addBytes<Head, A>(operation: Operation<Head, A>, run: RunBytes<Head, A>, { bound = false } = {}): void {
    const { answers } = this.#parts
    const once: RunBytes<Head, A> = operation.changes
      ? (head, body, caller) => answers.once(operation.name, head as Numbered, caller, bound, () => run(head, body, caller))
      : run
    const settled: RunBytes<Head, A> = (head, body, caller) => {
      this.#draining.check(operation.name)
      return this.#settled(caller, () => once(head, body, caller))
    }
    this.#enter({
      operation,
      run: (head, caller, body = NO_BYTES) => settled(head as Head, body, caller),
      bind: handlers => handlers.answerBytes(operation, (head, body, call) => settled(head, body, callerOf(call))),
    })
  }

  /** Nobody is told, be it by an answer or an error, of what a restart would not find. */
  #settled<A>(caller: Caller, run: () => A | Promise<A>): A | Promise<A> {
    const { claims, journal } = this.#parts
    claims.returned(caller)
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

async function* chunksOf(stream: ByteStream): AsyncGenerator<Buffer> {
  for (let chunk = await stream.read(); chunk; chunk = await stream.read()) yield chunk
}
