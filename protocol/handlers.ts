import { GliderError } from './errors.ts'
import type { InFlight } from './in-flight.ts'
import type { Meter } from './meter.ts'
import type { Operation } from './operation.ts'
import type { ByteStream, Call, Connection, Handlers, Reply } from './peer.ts'
import type { MuxStream } from './stream.ts'
import type { WindowBudget } from './window.ts'

type AnswerHandler = (head: unknown, call: Call) => unknown
type BytesHandler = (head: unknown, body: Buffer, call: Call) => Reply<unknown> | Promise<Reply<unknown>>
type StreamHandler = (head: unknown, stream: MuxStream, call: Call) => Promise<unknown>

/** A connection as those see it who answer requests themselves. */
export interface AnswerChannel extends Connection {
  /** What is held for it. */
  readonly budget: WindowBudget
  /** Its requests under way, which those count that answer them later. */
  readonly inFlight: InFlight
  /** Where what is asked of this side is counted. */
  readonly meter?: Meter | undefined
  /** Answers a request with a body of at most one frame; `flushed` runs once the body's memory is free again. */
  answerRaw(id: number, head: Uint8Array, body: Uint8Array | undefined, flushed?: () => void): void
  answerError(id: number, error: GliderError): void
  /** Takes in nothing more until {@link release} was called as often. */
  hold(): void
  release(): void
}

/**
 * Receives the frames of one hot operation on one connection, with the head as bytes and without a promise. At most one frame
 * of a connection is being received, so what `place` has found out can wait in fields for `received`.
 */
export interface RawReceiver {
  /**
   * Where the body shall land; undefined to have it lent to `received`. A throw refuses the request: its body is dropped and the
   * error answered.
   */
  place(head: Buffer, bodyBytes: number): Uint8Array | undefined
  /** The whole request; the receiver answers it through the connection, now or later. */
  received(head: Buffer, body: Buffer, requestId: number): void
  /** The connection went between `place` and `received`. */
  abandoned(): void
  /** Whether a request was received under this id that is not answered yet; to be there where that may be. */
  answersLater?(requestId: number): boolean
  /** The asker no longer wants the answer to a request that was received. */
  cancelled?(requestId: number, reason: GliderError): void
  /** The connection has gone. */
  closed?(reason: GliderError): void
}

export type Binding =
  | { readonly kind: 'answer'; readonly operation: Operation; readonly handler: AnswerHandler }
  | { readonly kind: 'bytes'; readonly operation: Operation; readonly handler: BytesHandler }
  | { readonly kind: 'stream'; readonly operation: Operation; readonly handler: StreamHandler }
  | { readonly kind: 'raw'; readonly operation: Operation; readonly receiver: (connection: AnswerChannel) => RawReceiver }

/** What one server answers: its operations by their number. */
export class HandlerTable implements Handlers {
  readonly #bindings = new Map<number, Binding>()

  answer<Head, A>(operation: Operation<Head, A>, handler: (head: Head, call: Call) => A | Promise<A>): void {
    this.#bind({ kind: 'answer', operation, handler: handler as AnswerHandler })
  }

  answerBytes<Head, A>(
    operation: Operation<Head, A>,
    handler: (head: Head, body: Buffer, call: Call) => Reply<A> | Promise<Reply<A>>,
  ): void {
    this.#bind({ kind: 'bytes', operation, handler: handler as BytesHandler })
  }

  stream<Head, A>(operation: Operation<Head, A>, handler: (head: Head, stream: ByteStream, call: Call) => Promise<A>): void {
    this.#bind({ kind: 'stream', operation, handler: handler as StreamHandler })
  }

  /** Like `stream`, for handlers that receive by a sink of their own. */
  rawStream<Head, A>(operation: Operation<Head, A>, handler: (head: Head, stream: MuxStream, call: Call) => Promise<A>): void {
    this.#bind({ kind: 'stream', operation, handler: handler as StreamHandler })
  }

  /** For the hot operations: one receiver is made per connection. */
  raw<Head, A>(operation: Operation<Head, A>, receiver: (connection: AnswerChannel) => RawReceiver): void {
    this.#bind({ kind: 'raw', operation, receiver })
  }

  find(code: number): Binding | undefined {
    return this.#bindings.get(code)
  }

  #bind(binding: Binding): void {
    const { code, name } = binding.operation
    if (this.#bindings.has(code)) throw new GliderError('INTERNAL', `operation ${name} is bound twice`)
    this.#bindings.set(code, binding)
  }
}
