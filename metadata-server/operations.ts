/** Which part answers which operation of the catalogue, for frames and for the REST face alike. */
import { catalogue, type OperationName } from '../protocol/catalogue.ts'
import { invariant } from '../protocol/errors.ts'
import type { Operation } from '../protocol/operation.ts'
import type { ByteStream, Handlers } from '../protocol/peer.ts'
import type { Answers, Numbered } from './answers.ts'
import { type Caller, callerOf } from './caller.ts'
import type { Definitions } from './definitions.ts'
import type { FileReads } from './file-reads.ts'
import type { FileWrites } from './file-writes.ts'
import type { Membership } from './membership.ts'
import type { Namespace } from './namespace.ts'
import type { Objects } from './objects.ts'
import type { SlotSpaces } from './slots.ts'
import type { BlockSpaces, ClassUsage } from './spaces.ts'
import type { Totals } from './totals.ts'
import type { Tree } from './tree.ts'

export interface OperationsParts {
  readonly tree: Tree
  readonly totals: Totals
  readonly blocks: BlockSpaces
  readonly slots: SlotSpaces
  readonly namespace: Namespace
  readonly reads: FileReads
  readonly writes: FileWrites
  readonly objects: Objects
  readonly definitions: Definitions
  readonly membership: Membership
  readonly answers: Answers
}

type Run<Head, A> = (head: Head, caller: Caller) => A | Promise<A>

/** How an operation without bytes is carried out; the head was validated. */
export interface Routine {
  readonly operation: Operation
  run(head: unknown, caller: Caller): unknown
  bind(handlers: Handlers): void
}

export interface MetadataStats {
  readonly nodes: number
  readonly storedBytes: number
  readonly blocks: readonly ClassUsage[]
  readonly slots: { readonly used: number; readonly free: number }
  readonly keptAnswers: number
}

/** Chunks of a bundle on its way to an active server. */
const CHUNK_BYTES = 256 << 10

export class Operations {
  readonly #parts: OperationsParts
  readonly #routines = new Map<string, Routine>()

  constructor(parts: OperationsParts) {
    this.#parts = parts
    this.#tree()
    this.#bytes()
    this.#actions()
    this.#cluster()
  }

  routine(name: OperationName): Routine | undefined {
    return this.#routines.get(name)
  }

  deploy(
    head: { name: string } & Numbered,
    chunks: AsyncIterable<Uint8Array>,
    caller: Caller,
  ): ReturnType<Definitions['deploy']> {
    const { answers, definitions } = this.#parts
    return Promise.resolve(answers.once('deploy', head, caller, false, () => definitions.deploy(head.name, chunks)))
  }

  stats(): MetadataStats {
    const { tree, totals, blocks, slots, answers } = this.#parts
    const { storedBytes } = totals
    return { nodes: tree.count, storedBytes, blocks: blocks.usage(), slots: slots.usage(), keptAnswers: answers.size }
  }

  bind(handlers: Handlers): void {
    const { membership, definitions } = this.#parts
    for (const routine of this.#routines.values()) routine.bind(handlers)
    handlers.answer(catalogue.register, (head, { connection }) => {
      const answer = membership.register(head, connection)
      definitions.setBuiltin(head.builtin ?? [])
      return answer
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
    this.#add(catalogue.delete, head => then(namespace.delete(head), deleted => ({ deleted })))
  }

  #bytes(): void {
    const { reads, writes } = this.#parts
    // A claim ends with its caller: a repeat over another connection is to take a new one.
    this.#add(catalogue.openWrite, (head, caller) => writes.open(head, caller), { bound: true })
    this.#add(catalogue.extend, head => writes.extend(head))
    this.#add(catalogue.commit, head => writes.commit(head))
    this.#add(catalogue.release, ({ claim }) => {
      writes.release(claim)
      return {}
    })
    this.#add(catalogue.openRead, head => reads.open(head))
    this.#add(catalogue.locate, head => (head.claim === undefined ? reads.locate(head) : writes.locate(head, head.claim)))
  }

  #actions(): void {
    const { objects, definitions } = this.#parts
    this.#add(catalogue.createObject, head => objects.create(head))
    this.#add(catalogue.deleteObject, async head => ({ deleted: await objects.delete(head) }))
    this.#add(catalogue.openObject, head => objects.open(head))
    this.#add(catalogue.definitions, () => ({ bundles: definitions.list() }))
  }

  #cluster(): void {
    const { membership, tree, totals, blocks, slots } = this.#parts
    this.#add(catalogue.heartbeat, ({ incarnation }) => {
      membership.heartbeat(incarnation)
      return {}
    })
    this.#add(catalogue.objectsLost, head => {
      membership.objectsLost(head.incarnation, head.slots, head.cause)
      return {}
    })
    this.#add(catalogue.servers, () => ({ servers: membership.list() }))
    this.#add(catalogue.usage, () => ({
      nodes: tree.count,
      storedBytes: totals.storedBytes,
      blocks: blocks.usedBlocks,
      slots: slots.usage().used,
    }))
  }

  #add<Head, A>(operation: Operation<Head, A>, run: Run<Head, A>, { bound = false } = {}): void {
    invariant(!this.#routines.has(operation.name), `${operation.name} has one routine`)
    const { answers } = this.#parts
    const once: Run<Head, A> = operation.changes
      ? (head, caller) => answers.once(operation.name, head as Numbered, caller, bound, () => run(head, caller))
      : run
    this.#routines.set(operation.name, {
      operation,
      run: (head, caller) => once(head as Head, caller),
      bind: handlers => handlers.answer(operation, (head, call) => once(head, callerOf(call))),
    })
  }
}

async function* chunksOf(stream: ByteStream): AsyncGenerator<Buffer> {
  for (let chunk = await stream.read(); chunk; chunk = await stream.read()) yield chunk
}

/** Without a promise where there is none: most answers are there at once. */
function then<T, R>(value: T | Promise<T>, next: (value: T) => R): R | Promise<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}
