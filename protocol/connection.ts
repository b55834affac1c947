import { Asked, answerOf } from './asked.ts'
import type { Timer } from './clock.ts'
import type { ConnectionContext } from './connection-context.ts'
import { dropped, FrameDecoder, type Landing } from './decoder.ts'
import { GliderError } from './errors.ts'
import { frameKind, MAX_BODY_BYTES, MAX_HEAD_BYTES, PROTOCOL_VERSION } from './frame.ts'
import type { HandlerTable } from './handlers.ts'
import { encodeError } from './heads.ts'
import { InFlight } from './in-flight.ts'
import { Inbound, type InboundHost } from './inbound.ts'
import { encodeJson } from './json-heads.ts'
import { atLimit, type Limits } from './limits.ts'
import { Liveness } from './liveness.ts'
import type { Meter } from './meter.ts'
import { OpenStreams } from './open-streams.ts'
import type { Operation } from './operation.ts'
import type { Answer, Connection, Hello, Principal, RequestOptions } from './peer.ts'
import { trusted } from './principal.ts'
import { type Pending, PendingRequests } from './requests.ts'
import { type Backlog, COPY_BYTES, SendQueue } from './send-queue.ts'
import type { Spinner } from './spinner.ts'
import { MuxStream } from './stream.ts'
import type { Transport, TransportEvents } from './transport.ts'
import { CONNECTION_WINDOW_BYTES, WindowBudget } from './window.ts'

export { type ConnectionContext, type ContextOptions, connectionContext } from './connection-context.ts'

export interface ConnectionOptions {
  readonly transport: Transport
  /** Which side opened the connection: it gives odd ids, the other even ones. */
  readonly side: 'dialled' | 'accepted'
  readonly hello: Pick<Hello, 'role' | 'clientId' | 'namespace' | 'token'>
  /** What this side answers. */
  readonly handlers?: HandlerTable
  /**
   * Tells by the other side's hello whom it speaks for; undefined where it has to prove that first. A throw refuses the connection.
   * @default by its word
   */
  readonly admit?: (hello: Hello, connection: Connection) => Principal | undefined
  /** Highest id of a request or stream; after it they begin anew. @default 4294967295 */
  readonly lastId?: number
}

const EMPTY = Buffer.alloc(0)
/** A side that has not said hello after this long is closed. */
const HELLO_TIMEOUT_MS = 10_000
/** An accepting side takes no more requests while so much of its answers waits to be received. */
const MAX_BACKLOG_BYTES = 8 << 20
/** The same where so much waits on all connections of the process that each gets no more than a little. */
const SMALL_BACKLOG_BYTES = 64 << 10
const PROCESS_BACKLOG_BYTES = 256 << 20
/** With more requests under way there is enough to do, or nobody who waits for one answer. */
const FEW_REQUESTS = 4

/**
 * One connection: requests and streams, both ways, multiplexed. Always holds: of two things under way none share an id, every
 * request gets one answer or one failure, and when the connection goes, whatever waits on it fails.
 */
export class ConnectionCore implements InboundHost, TransportEvents {
  readonly queue: SendQueue
  readonly budget: WindowBudget
  readonly limits: Limits
  readonly inFlight: InFlight
  readonly streams: OpenStreams<MuxStream>
  readonly meter: Meter | undefined
  readonly remote: string
  principal: Principal | undefined
  readonly #backlog: Backlog
  readonly #spinner: Spinner | undefined
  readonly #transport: Transport
  readonly #side: 'dialled' | 'accepted'
  readonly #admit: (hello: Hello, connection: Connection) => Principal | undefined
  readonly #inbound: Inbound
  readonly #decoder: FrameDecoder
  readonly #requests: PendingRequests
  readonly #closeListeners = new Set<(reason: GliderError) => void>()
  readonly #liveness: Liveness
  readonly #helloTimer: Timer
  #welcome: { resolve(): void; reject(error: GliderError): void } | undefined
  #peer: Hello | undefined
  #nextId: number
  readonly #lastId: number
  #closeReason: GliderError | undefined
  #goingAway = false
  #heldBack = false
  /** Reasons to take in nothing more for now. */
  #holds = 0
  /** The request whose answer's body is being received into memory that its asker has lent, and what ends it after that. */
  #landing: { readonly id: number; failure?: GliderError } | undefined

  constructor(context: ConnectionContext, options: ConnectionOptions) {
    this.meter = context.meter
    this.#spinner = context.spinner
    this.#transport = options.transport
    this.#side = options.side
    this.#admit = options.admit ?? trusted
    this.principal = undefined
    this.#nextId = options.side === 'dialled' ? 1 : 2
    this.#lastId = options.lastId ?? 0xffff_ffff
    this.remote = options.transport.remote
    this.limits = context.limits
    this.#backlog = context.backlog
    this.queue = new SendQueue(options.transport, context.slabs, context.backlog)
    this.inFlight = new InFlight(context.clock, this.limits, this)
    this.streams = new OpenStreams(context.clock)
    const { connectionBytes: bytes } = this.limits
    const growth = Math.min(CONNECTION_WINDOW_BYTES, bytes / 4)
    this.budget = new WindowBudget(growth, context.budget, {
      bytes,
      refusal: () => atLimit('connectionBytes', this.limits),
    })
    this.#inbound = new Inbound(this, options.handlers)
    this.#decoder = new FrameDecoder(this.#inbound)
    this.#requests = new PendingRequests(context.clock, (id, error) => this.#drop(id, error))
    this.#liveness = new Liveness(
      context.clock,
      () => this.queue.small(frameKind.ping, 0, 0, EMPTY),
      () => this.close(new GliderError('UNAVAILABLE', `${this.remote} does not answer pings`, { outcome: 'unknown' })),
    )
    this.#helloTimer = context.clock.after(HELLO_TIMEOUT_MS, () => this.#breach('no hello within 10 s'))
    const hello: Hello = {
      version: PROTOCOL_VERSION,
      ...options.hello,
      limits: { headBytes: MAX_HEAD_BYTES, bodyBytes: MAX_BODY_BYTES },
    }
    this.queue.small(frameKind.hello, 0, 0, encodeJson(hello))
  }

  /** Begins to receive; resolves once the other side has said hello. */
  start(): Promise<this> {
    if (this.#closeReason) return Promise.reject(this.#closeReason)
    return new Promise((resolve, reject) => {
      this.#welcome = { resolve: () => resolve(this), reject }
      this.#transport.start(this)
    })
  }

  get connection(): Connection {
    return this
  }

  get peer(): Hello {
    if (!this.#peer) throw new GliderError('INTERNAL', `${this.remote} has not said hello yet`)
    return this.#peer
  }

  get closed(): boolean {
    return this.#closeReason !== undefined
  }

  /** False once the connection has closed, or the other side takes nothing new. */
  get usable(): boolean {
    return !this.#closeReason && !this.#goingAway
  }

  /** Requests and streams under way, both ways. */
  get load(): number {
    return this.#requests.size + this.streams.size + this.#inbound.callsUnderWay
  }

  /** Requests of the other side that are being answered, and streams that it has opened; those of `except` do not count. */
  underWay(except?: Operation): number {
    let streams = 0
    for (const { dialled, operation } of this.streams) if (!dialled && operation !== except) streams++
    return streams + this.inFlight.count
  }

  /** Requests of the other side that wait for somebody here, also where this side has dialled. */
  get callsUnderWay(): number {
    return this.#inbound.callsUnderWay
  }

  // Asking.

  request<Head, A>(operation: Operation<Head, A>, head: NoInfer<Head>, options: RequestOptions = {}): Promise<Answer<A>> {
    return new Promise((resolve, reject) => {
      this.ask(operation, operation.encodeHead(head), options, answerOf<A>, resolve, reject)
    })
  }

  /** Asks, and settles by what it is handed: with what `take` makes of the answer, or with the error. */
  ask<Head, A, R>(
    operation: Operation<Head, A>,
    headBytes: Buffer,
    { body, signal, timeoutMs }: RequestOptions,
    take: (head: A, body: Buffer) => R,
    resolve: (value: R) => void,
    reject: (error: GliderError) => void,
  ): void {
    if (signal?.aborted) {
      reject(cancelled(operation.name, signal))
      return
    }
    if (headBytes.length > MAX_HEAD_BYTES) {
      reject(
        new GliderError('INVALID_ARGUMENT', `${operation.name}: the request is over ${MAX_HEAD_BYTES} bytes: make it smaller`),
      )
      return
    }
    const asked = new Asked(operation, take, resolve, reject)
    const id = this.requestRaw(operation, headBytes, body, asked, timeoutMs)
    if (signal && this.#requests.has(id)) asked.heed(signal, () => this.#drop(id, cancelled(operation.name, signal)))
  }

  /** The hot way to ask: head and answer as bytes. The body must stay as it is until the request has been answered. */
  requestRaw(
    operation: Pick<Operation, 'code' | 'name'>,
    head: Uint8Array,
    body: Uint8Array | undefined,
    pending: Pending,
    timeoutMs?: number,
  ): number {
    const id = this.#giveId()
    if (this.#closeReason) {
      pending.failed(this.#closeReason)
      return id
    }
    if (body && body.length > MAX_BODY_BYTES) {
      pending.failed(
        new GliderError('INVALID_ARGUMENT', `${operation.name}: ${body.length} bytes are over ${MAX_BODY_BYTES}: split them`),
      )
      return id
    }
    this.#requests.add(id, pending, timeoutMs, operation.name)
    if (this.#spinner && this.#requests.size <= FEW_REQUESTS) this.#spinner.expect()
    if (!body || body.length <= COPY_BYTES) this.queue.small(frameKind.request, operation.code, id, head, body)
    else this.queue.body(frameKind.request, operation.code, id, head, body, undefined, () => this.#requests.has(id))
    return id
  }

  /** The asker of a request wants no answer any more. */
  cancel(id: number, signal: AbortSignal | undefined): void {
    this.#drop(id, cancelled('the operation', signal))
  }

  #drop(id: number, error: GliderError): void {
    if (!this.#requests.has(id)) return
    // Memory that the kernel may be filling is given back to the asker only when that is over.
    if (this.#landing?.id === id) {
      this.#landing.failure = error
      return
    }
    this.queue.small(frameKind.reset, 0, id, encodeError(error))
    this.#requests.take(id)?.failed(error)
  }

  open<Head, A>(operation: Operation<Head, A>, head: NoInfer<Head>): MuxStream<A> {
    const stream = new MuxStream<A>(this, this.#giveId(), operation, true)
    const headBytes = encodeJson(head)
    if (this.#closeReason) stream.fail(this.#closeReason)
    else if (headBytes.length > MAX_HEAD_BYTES) {
      stream.fail(
        new GliderError('INVALID_ARGUMENT', `${operation.name}: the request is over ${MAX_HEAD_BYTES} bytes: make it smaller`),
      )
    } else {
      this.streams.add(stream)
      this.queue.small(frameKind.open, operation.code, stream.id, headBytes)
    }
    return stream
  }

  #giveId(): number {
    let id: number
    do {
      id = this.#nextId
      this.#nextId = id + 2 <= this.#lastId ? id + 2 : this.#side === 'dialled' ? 1 : 2
    } while (this.#requests.has(id) || this.streams.has(id))
    return id
  }

  // Answering.

  answerRaw(id: number, head: Uint8Array, body: Uint8Array | undefined, flushed?: () => void): void {
    if (body) this.queue.body(frameKind.response, 0, id, head, body, flushed)
    else this.queue.small(frameKind.response, 0, id, head)
  }

  answerError(id: number, error: GliderError): void {
    this.queue.small(frameKind.error, 0, id, encodeError(error))
  }

  pong(): void {
    this.queue.small(frameKind.pong, 0, 0, EMPTY)
  }

  /** Whoever does not fetch its answers is not asked for more; only the accepting side does so, or both could wait for ever. */
  #holdBack(): void {
    const most = this.#backlog.bytes < PROCESS_BACKLOG_BYTES ? MAX_BACKLOG_BYTES : SMALL_BACKLOG_BYTES
    if (this.queue.backlog < most || !this.accepted || this.#heldBack || this.#closeReason) return
    this.#heldBack = true
    this.hold()
    this.queue.onceDrained(() => {
      this.#heldBack = false
      this.release()
    })
  }

  /** Takes in nothing more until {@link release} was called as often. */
  hold(): void {
    this.#holds++
    if (this.#holds === 1 && !this.#closeReason) this.#transport.pause()
  }

  release(): void {
    this.#holds--
    if (this.#holds === 0 && !this.#closeReason) this.#transport.resume()
  }

  // Ending.

  onClose(listener: (reason: GliderError) => void): () => void {
    if (this.#closeReason) listener(this.#closeReason)
    else this.#closeListeners.add(listener)
    return () => this.#closeListeners.delete(listener)
  }

  close(reason = new GliderError('UNAVAILABLE', `the connection to ${this.remote} was closed`, { outcome: 'unknown' })): void {
    this.#close(reason, false)
  }

  /** @param lingers so that the other side reads what it was told last */
  #close(reason: GliderError, lingers: boolean): void {
    if (this.#closeReason) return
    this.#closeReason = reason
    this.#decoder.stop()
    this.#helloTimer.cancel()
    this.#liveness.stop()
    this.inFlight.close()
    this.queue.close()
    this.#transport.close(lingers)
    this.#inbound.connectionClosed(reason)
    this.#welcome?.reject(reason)
    this.#requests.failAll(reason)
    this.streams.failAll(reason)
    for (const listener of this.#closeListeners) listener(reason)
    this.#closeListeners.clear()
  }

  dismiss(reason: GliderError): void {
    this.answerError(0, reason)
    // Whoever has not even said hello is not waited for.
    this.#close(reason, this.#peer !== undefined)
  }

  /** Tells the other side to bring nothing new. */
  goAway(): void {
    this.queue.small(frameKind.goaway, 0, 0, EMPTY)
  }

  /** The other side has broken the protocol: it is told so, and the connection closes. */
  #breach(why: string): void {
    this.dismiss(new GliderError('PROTOCOL_ERROR', why.includes(this.remote) ? why : `${this.remote}: ${why}`))
  }

  // What the inbound frames are for.

  mayBePeers(id: number): boolean {
    return id > 0 && id % 2 === (this.#side === 'dialled' ? 0 : 1)
  }

  /** Whether it was dialled by the other side, who then keeps to the limits of this one. */
  get accepted(): boolean {
    return this.#side === 'accepted'
  }

  greeted(hello: Hello): void {
    this.#helloTimer.cancel()
    try {
      this.principal = this.#admit(hello, this)
    } catch (error) {
      this.dismiss(GliderError.from(error))
      return
    }
    this.#peer = hello
    this.#welcome?.resolve()
    this.#welcome = undefined
  }

  wentAway(): void {
    this.#goingAway = true
  }

  placeResponse(id: number, bodyBytes: number): Landing {
    const pending = this.#requests.get(id)
    if (!pending) return dropped
    const place = pending.place(bodyBytes)
    if (place) this.#landing = { id }
    return place
  }

  responseArrived(id: number, head: Buffer, body: Buffer, placed: boolean): void {
    const failure = this.#landing?.failure
    this.#landing = undefined
    const pending = this.#requests.take(id)
    if (!pending) return
    if (failure) {
      pending.failed(failure)
      return
    }
    try {
      pending.answered(head, body, placed)
    } catch (error) {
      pending.failed(GliderError.from(error))
    }
  }

  requestFailed(id: number, error: GliderError): void {
    this.#requests.take(id)?.failed(error)
  }

  // What the transport tells.

  landing(): Uint8Array | undefined {
    return this.#decoder.landing()
  }

  landed(bytes: number): void {
    this.#seen()
    try {
      this.#decoder.landed(bytes)
    } catch (error) {
      this.#undecodable(error)
    }
    this.meter?.endTurn()
    this.#holdBack()
  }

  bytes(chunk: Buffer): void {
    this.#seen()
    try {
      this.#decoder.push(chunk)
    } catch (error) {
      this.#undecodable(error)
    }
    this.meter?.endTurn()
    this.#holdBack()
  }

  #seen(): void {
    this.meter?.turn()
    this.#liveness.seen()
    if (!this.#spinner) return
    this.#spinner.arrived()
    // Whoever has asked once is likely to ask again once it has its answer.
    if (this.#side === 'accepted') this.#spinner.expect()
  }

  gone(cause: Error | undefined): void {
    const why = cause ? `: ${cause.message}` : ''
    this.close(new GliderError('UNAVAILABLE', `the connection to ${this.remote} is gone${why}`, { cause, outcome: 'unknown' }))
  }

  #undecodable(error: unknown): void {
    const known = GliderError.from(error)
    if (known.code === 'PROTOCOL_ERROR') this.#breach(known.message)
    else this.dismiss(known)
  }
}

function cancelled(what: string, signal: AbortSignal | undefined): GliderError {
  return new GliderError('CANCELLED', `${what} was cancelled by its own signal`, { cause: signal?.reason })
}
