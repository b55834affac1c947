import type { CallOptions } from '../actions/store.ts'
import type { ConnectionCore } from '../protocol/connection.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Operation } from '../protocol/operation.ts'
import type { Answer } from '../protocol/peer.ts'
import type { Connections } from './connections.ts'
import { cancelledError, pause, throwIfCancelled, unlessCancelled, unlessLate } from './waiting.ts'

/** Deadline of each metadata and block operation where the caller names none. */
export const DEFAULT_TIMEOUT_MS = 30_000
const FIRST_PAUSE_MS = 25
const LONGEST_PAUSE_MS = 500

/** Counts the changing operations of one client, and knows up to which of them every answer has arrived. */
export class Sequence {
  readonly #outstanding = new Set<number>()
  #last = 0

  begin(): number {
    this.#last++
    this.#outstanding.add(this.#last)
    return this.#last
  }

  settled(sequence: number): void {
    this.#outstanding.delete(sequence)
  }

  get acknowledged(): number {
    // Numbers are added in rising order, and a Set keeps that order.
    for (const lowest of this.#outstanding) return lowest - 1
    return this.#last
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

  constructor(address: string, connections: Connections) {
    this.address = address
    this.connections = connections
  }

  async request<Head, A>(operation: Operation<Head, A>, head: NoInfer<Head>, options: CallOptions = {}): Promise<A> {
    return (await this.exchange(operation, head, undefined, options)).head
  }

  /** The same with bytes each way. Those that are sent belong to the call until it settles. */
  async exchange<Head, A>(
    operation: Operation<Head, A>,
    head: NoInfer<Head>,
    body: Uint8Array | undefined,
    options: CallOptions,
  ): Promise<Answer<A>> {
    if (!operation.changes) return this.#ask(operation, head, body, options)
    const sequence = this.#sequence.begin()
    try {
      return await this.#ask(operation, { ...head, sequence, acknowledged: this.#sequence.acknowledged }, body, options)
    } finally {
      this.#sequence.settled(sequence)
    }
  }

  /** Sends bytes along. A repeat sends them again, so it is for operations that may be done twice. */
  upload<Head, A>(operation: Operation<Head, A>, head: NoInfer<Head>, bytes: Uint8Array, options: CallOptions = {}): Promise<A> {
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

  #ask<Head, A>(
    operation: Operation<Head, A>,
    head: Head,
    body: Uint8Array | undefined,
    options: CallOptions,
  ): Promise<Answer<A>> {
    const { signal } = options
    return this.#persist(operation.name, options, (connection, timeoutMs) =>
      connection.request(operation, head, { timeoutMs, ...(body && { body }), ...(signal && { signal }) }),
    )
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
          const connecting = unlessCancelled(this.connections.get(this.address), what, signal)
          connection = await unlessLate(connecting, clock, deadline - clock.now(), what)
        }
        return await attempt(connection, Math.max(deadline - clock.now(), 0))
      } catch (error) {
        const known = GliderError.from(error)
        // What the server itself refused is final; a connection that went is not.
        const refused = connection?.usable === true
        // What may wait for ever for its answer does not wait for ever for a server.
        if (deadline === Number.POSITIVE_INFINITY) deadline = clock.now() + DEFAULT_TIMEOUT_MS
        if (refused || known.code !== 'UNAVAILABLE' || clock.now() + delayMs >= deadline || this.connections.closed) throw known
      }
      await pause(clock, delayMs, what, signal)
    }
  }
}
