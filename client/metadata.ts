import type { CallOptions } from '../actions/store.ts'
import { answerOf } from '../protocol/asked.ts'
import type { ConnectionCore } from '../protocol/connection.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Operation } from '../protocol/operation.ts'
import type { Answer } from '../protocol/peer.ts'
import { wrongServer } from '../protocol/wrong-server.ts'
import type { Connections } from './connections.ts'
import type { ClientTracing, Followed } from './tracing.ts'
import { cancelledError, checkTimeout, pause, throwIfCancelled, unlessCancelled, unlessLate } from './waiting.ts'

/** Deadline of each metadata and block operation where the caller names none. */
export const DEFAULT_TIMEOUT_MS = 30_000
const FIRST_PAUSE_MS = 25
const LONGEST_PAUSE_MS = 250

/** A changing operation that has been begun and has not settled. */
interface Outstanding {
  readonly sequence: number
  before: Outstanding | undefined
  after: Outstanding | undefined
}

/** Counts the changing operations of one client, and knows up to which of them every answer has arrived. */
class Sequence {
  /** The lowest one that is outstanding. */
  #first: Outstanding | undefined
  #last: Outstanding | undefined
  #count = 0

  begin(): Outstanding {
    this.#count++
    const begun: Outstanding = { sequence: this.#count, before: this.#last, after: undefined }
    if (this.#last) this.#last.after = begun
    else this.#first = begun
    this.#last = begun
    return begun
  }

  settled(one: Outstanding): void {
    if (one.before) one.before.after = one.after
    else this.#first = one.after
    if (one.after) one.after.before = one.before
    else this.#last = one.before
    // One that has grown old would keep all after it alive.
    one.before = undefined
    one.after = undefined
  }

  get acknowledged(): number {
    return this.#first ? this.#first.sequence - 1 : this.#count
  }
}

/**
 * Asks the metadata server. Where its connection goes, the request is repeated until the deadline; a changing operation keeps
 * its sequence number, so that a repeat gets the answer of the first.
 */
export class MetadataClient {
  readonly address: string
  readonly connections: Connections
  readonly #sequence = new Sequence()
  readonly #tracing: ClientTracing | undefined

  constructor(address: string, connections: Connections, tracing?: ClientTracing) {
    this.address = address
    this.connections = connections
    this.#tracing = tracing
  }

  /**
   * @throws GliderError UNAVAILABLE where nobody answers, INVALID_ARGUMENT where another server does
   */
  async connect(): Promise<ConnectionCore> {
    const connection = await this.connections.get(this.address)
    const { role } = connection.peer
    if (role === 'metadata') return connection
    const error = wrongServer(this.address, role, 'INVALID_ARGUMENT')
    connection.close(error)
    throw error
  }

  request<Head, A>(operation: Operation<Head, A>, head: NoInfer<Head>, options?: CallOptions): Promise<A> {
    return this.ask(operation, head, undefined, options, headOf<A>)
  }

  /** The same with bytes each way. Those that are sent belong to the call until it settles. */
  exchange<Head, A>(
    operation: Operation<Head, A>,
    head: NoInfer<Head>,
    body: Uint8Array | undefined,
    options?: CallOptions,
  ): Promise<Answer<A>> {
    return this.ask(operation, head, body, options, answerOf<A>)
  }

  /** The same, and resolves with what `take` makes of the answer; there is one promise in it and no more. */
  ask<Head, A, R>(
    operation: Operation<Head, A>,
    head: NoInfer<Head>,
    body: Uint8Array | undefined,
    options: CallOptions | undefined,
    take: (head: A, body: Buffer) => R | Promise<R>,
  ): Promise<R> {
    const followed = this.#tracing && follow(this.#tracing, operation, head)
    if (!followed) return this.#askOnce(operation, head, body, options, take)
    return followed.during(this.#askOnce(operation, headIn(followed, operation, head), body, options, take))
  }

  #askOnce<Head, A, R>(
    operation: Operation<Head, A>,
    head: Head,
    body: Uint8Array | undefined,
    options: CallOptions | undefined,
    take: (head: A, body: Buffer) => R | Promise<R>,
  ): Promise<R> {
    return new Promise((resolve, reject) => {
      checkTimeout(options?.timeoutMs)
      if (!operation.changes) {
        this.#ask(operation, operation.encodeHead(head), body, options, take, resolve, reject)
        return
      }
      const begun = this.#sequence.begin()
      const settled = (): void => this.#sequence.settled(begun)
      try {
        const numbers = { sequence: begun.sequence, acknowledged: this.#sequence.acknowledged }
        const resolved = (value: R | Promise<R>): void => {
          settled()
          resolve(value)
        }
        const failed = (error: unknown): void => {
          settled()
          reject(error)
        }
        this.#ask(operation, operation.encodeHead(head, numbers), body, options, take, resolved, failed)
      } catch (error) {
        settled()
        throw error
      }
    })
  }

  /** Sends bytes along. A repeat sends them again, so it is for operations that may be done twice. */
  async upload<Head, A>(
    operation: Operation<Head, A>,
    head: NoInfer<Head>,
    bytes: Uint8Array,
    options: CallOptions = {},
  ): Promise<A> {
    checkTimeout(options.timeoutMs)
    const followed = this.#tracing && follow(this.#tracing, operation, head)
    const uploaded = this.#upload(operation, head, bytes, options)
    return followed ? followed.during(uploaded) : uploaded
  }

  #upload<Head, A>(operation: Operation<Head, A>, head: Head, bytes: Uint8Array, options: CallOptions): Promise<A> {
    return this.#persist(operation.name, options, async (connection, timeoutMs) => {
      const stream = connection.open(operation, head)
      const expired = new GliderError('TIMEOUT', `no answer to ${operation.name} within its deadline`, { outcome: 'unknown' })
      const timer = this.connections.context.clock.after(timeoutMs, () => stream.reset(expired))
      const onAbort = (): void => stream.reset(cancelledError(operation.name, options.signal!))
      options.signal?.addEventListener('abort', onAbort)
      try {
        const [, answer] = await Promise.all([stream.write(bytes), stream.end()])
        return answer
      } finally {
        timer.cancel()
        options.signal?.removeEventListener('abort', onAbort)
      }
    })
  }

  #ask<Head, A, R>(
    operation: Operation<Head, A>,
    head: Buffer,
    body: Uint8Array | undefined,
    options: CallOptions | undefined,
    take: (head: A, body: Buffer) => R,
    resolve: (value: R) => void,
    reject: (error: unknown) => void,
  ): void {
    const signal = options?.signal
    const timeoutMs = options?.timeoutMs ?? DEFAULT_TIMEOUT_MS
    const { clock } = this.connections.context
    const persist = (leftMs: number): Promise<void> =>
      this.#persist(operation.name, { timeoutMs: leftMs, ...(signal && { signal }) }, (one, untilMs) => {
        const request = { timeoutMs: untilMs, ...(body && { body }), ...(signal && { signal }) }
        return new Promise<R>((done, failed) => one.ask(operation, head, request, take, done, failed))
      }).then(resolve, reject)
    const connection = this.connections.ready(this.address)
    if (!connection) {
      persist(timeoutMs).catch(reject)
      return
    }
    const startedMs = clock.now()
    const failed = (error: GliderError): void => {
      const leftMs = startedMs + timeoutMs - clock.now() - FIRST_PAUSE_MS
      // What the server itself refused is final, unless it is about to end; a connection that went is not.
      if ((connection.usable && !error.draining) || error.code !== 'UNAVAILABLE' || leftMs <= 0 || this.connections.closed)
        reject(error)
      else pause(clock, FIRST_PAUSE_MS, operation.name, signal).then(() => persist(leftMs), reject)
    }
    connection.ask(operation, head, { body, signal, timeoutMs }, take, resolve, failed)
  }

  async #persist<T>(
    what: string,
    { signal, timeoutMs = DEFAULT_TIMEOUT_MS }: CallOptions,
    attempt: (connection: ConnectionCore, timeoutMs: number) => Promise<T>,
  ): Promise<T> {
    const { clock } = this.connections.context
    let deadline = clock.now() + timeoutMs
    for (let delayMs = FIRST_PAUSE_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_PAUSE_MS)) {
      throwIfCancelled(what, signal)
      let connection = this.connections.ready(this.address)
      try {
        if (!connection) {
          const connecting = unlessCancelled(this.connect(), what, signal)
          connection = await unlessLate(connecting, clock, deadline - clock.now(), what)
        }
        return await attempt(connection, Math.max(deadline - clock.now(), 0))
      } catch (error) {
        const known = GliderError.from(error)
        // What the server itself refused is final, unless it is about to end; a connection that went is not.
        const refused = connection?.usable === true && !known.draining
        // What may wait for ever for its answer does not wait for ever for a server.
        if (deadline === Number.POSITIVE_INFINITY) deadline = clock.now() + DEFAULT_TIMEOUT_MS
        if (refused || known.code !== 'UNAVAILABLE' || clock.now() + delayMs >= deadline || this.connections.closed) throw known
      }
      await pause(clock, delayMs, what, signal)
    }
  }
}

/** What a head may say of where it leads, and comes from. */
interface Said {
  readonly path?: string
  readonly operation?: string
}

/** Requests without an origin have spans, but no ids of their own. */
function follow<Head, A>(tracing: ClientTracing, { name, hasOrigin }: Operation<Head, A>, head: Head): Followed | undefined {
  const { path, operation } = head as Said
  return tracing.begin(name, path, operation, hasOrigin)
}

function headIn<Head, A>({ id }: Followed, { hasOrigin }: Operation<Head, A>, head: Head): Head {
  return hasOrigin ? { ...head, operation: id } : head
}

function headOf<A>(head: A): A {
  return head
}
