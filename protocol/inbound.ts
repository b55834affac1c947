import { ChurnMap } from './churn-map.ts'
import { dropped, type FrameReceiver, type Landing } from './decoder.ts'
import { GliderError, unreachable } from './errors.ts'
import { type FrameHeader, frameKind, MAX_BODY_BYTES, MAX_HEAD_BYTES, PROTOCOL_VERSION } from './frame.ts'
import type { AnswerChannel, Binding, HandlerTable, RawReceiver } from './handlers.ts'
import { encodeError, parseErrorHead, parseHello } from './heads.ts'
import { isBinary, parseJson } from './json-heads.ts'
import { atLimit, type Limits } from './limits.ts'
import type { Operation } from './operation.ts'
import type { Call, Connection, Hello, Reply } from './peer.ts'
import { refusalOf } from './principal.ts'
import { MuxStream, type StreamHost } from './stream.ts'
import { INITIAL_WINDOW_BYTES } from './window.ts'

/** What the inbound frames need of their connection. */
export interface InboundHost extends AnswerChannel, StreamHost {
  /** Whether the other side may give `id` to what it asks for. */
  mayBePeers(id: number): boolean
  greeted(hello: Hello): void
  wentAway(): void
  pong(): void
  placeResponse(id: number, bodyBytes: number): Landing
  responseArrived(id: number, head: Buffer, body: Buffer, placed: boolean): void
  requestFailed(id: number, error: GliderError): void
  readonly limits: Limits
  /** Whether the other side has dialled, and is held to the limits of this one. */
  readonly accepted: boolean
}

/** A request of the other side that is being answered. Its signal is made only where somebody looks at it. */
class InboundCall implements Call {
  readonly connection: Connection
  #controller: AbortController | undefined
  #reason: GliderError | undefined

  constructor(connection: Connection) {
    this.connection = connection
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#reason) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  abort(reason: GliderError): void {
    this.#reason = reason
    this.#controller?.abort(reason)
  }
}

/**
 * Takes every frame that arrives on a connection to whom it is for: a waiting request, a stream, or a handler of this side. Always
 * holds: a body is in the budget from before its memory is taken until its request is answered.
 */
export class Inbound implements FrameReceiver {
  readonly #connection: InboundHost
  readonly #handlers: HandlerTable | undefined
  /** Requests of the other side under way. */
  readonly #calls = new ChurnMap<InboundCall>()
  readonly #rawReceivers = new Map<number, RawReceiver>()
  #greeted = false
  /** The raw receiver whose body is being received, and why it will be refused. */
  #landingIn: RawReceiver | undefined
  #refusal: GliderError | undefined
  /** Taken from the budget for the body that is being received. */
  #reserved = 0
  /** The stream whose bytes are being received; it may have failed, and been forgotten, meanwhile. */
  #landingStream: MuxStream | undefined

  constructor(connection: InboundHost, handlers: HandlerTable | undefined) {
    this.#connection = connection
    this.#handlers = handlers
  }

  get callsUnderWay(): number {
    return this.#calls.size
  }

  connectionClosed(reason: GliderError): void {
    this.#giveBack(this.#takeReserved())
    this.#landingIn?.abandoned()
    this.#landingIn = undefined
    this.#landingStream?.landingOver()
    this.#landingStream = undefined
    for (const call of this.#calls.values()) call.abort(reason)
    this.#calls.clear()
    for (const receiver of this.#rawReceivers.values()) receiver.closed?.(reason)
  }

  place(header: FrameHeader, head: Buffer): Landing {
    this.#checkGreeted(header)
    switch (header.kind) {
      case frameKind.request:
        return this.#placeRequest(header, head)
      case frameKind.response:
        return this.#connection.placeResponse(header.id, header.bodyBytes)
      case frameKind.data:
        this.#landingStream = this.#connection.streams.get(header.id)
        return this.#landingStream ? this.#landingStream.placeData(header.bodyBytes) : dropped
      default:
        return undefined
    }
  }

  #placeRequest(header: FrameHeader, head: Buffer): Landing {
    const binding = this.#requestBinding(header)
    this.#refusal = refusalOf(binding.operation, this.#connection.principal)
    if (this.#refusal || binding.kind === 'answer') return dropped
    const { bodyBytes } = header
    try {
      if (binding.kind === 'bytes') {
        this.#reserve(bodyBytes)
        return Buffer.allocUnsafeSlow(bodyBytes)
      }
      const receiver = this.#rawReceiver(binding)
      const place = receiver.place(head, bodyBytes)
      if (!place) this.#reserve(bodyBytes)
      this.#landingIn = receiver
      return place
    } catch (error) {
      this.#refusal = GliderError.from(error)
      return dropped
    }
  }

  /** @throws GliderError BUSY */
  #reserve(bytes: number): void {
    const { budget, accepted } = this.#connection
    if (accepted) budget.check(bytes)
    budget.takeInitial(bytes)
    this.#reserved = bytes
  }

  #giveBack(bytes: number): void {
    if (bytes > 0) this.#connection.budget.give(bytes)
  }

  /** Whose body has arrived answers for what was reserved for it. */
  #takeReserved(): number {
    const reserved = this.#reserved
    this.#reserved = 0
    return reserved
  }

  frame(header: FrameHeader, head: Buffer, body: Buffer, placed: boolean): void {
    this.#checkGreeted(header)
    const { id } = header
    switch (header.kind) {
      case frameKind.request:
        this.#request(header, head, body)
        return
      case frameKind.response:
        this.#connection.responseArrived(id, head, body, placed)
        return
      case frameKind.error:
        this.#error(id, parseErrorHead(head))
        return
      case frameKind.data:
        this.#data(body, placed)
        return
      case frameKind.credit:
        this.#credit(id, head)
        return
      case frameKind.open:
        this.#open(header, head)
        return
      case frameKind.end:
        this.#end(id, head)
        return
      case frameKind.reset: {
        const reason = parseErrorHead(head)
        this.#connection.streams.get(id)?.fail(reason)
        this.#calls.get(id)?.abort(reason)
        for (const receiver of this.#rawReceivers.values()) receiver.cancelled?.(id, reason)
        return
      }
      case frameKind.ping:
        this.#connection.pong()
        return
      case frameKind.pong:
        return
      case frameKind.goaway:
        this.#connection.wentAway()
        return
      case frameKind.hello:
        this.#hello(head)
        return
      default:
        unreachable(header.kind)
    }
  }

  #credit(id: number, head: Buffer): void {
    if (head.length < 16) throw new GliderError('PROTOCOL_ERROR', 'a credit frame is cut short')
    const [limit, taken] = [head.readDoubleLE(0), head.readDoubleLE(8)]
    // A part of a byte would be counted as sent, and is not.
    if (!isPosition(limit) || !isPosition(taken)) throw new GliderError('PROTOCOL_ERROR', 'a credit frame without positions')
    this.#connection.streams.get(id)?.creditArrived(limit, taken)
  }

  /** Checked before a frame's memory is taken, and for those that need none. */
  #checkGreeted({ kind }: FrameHeader): void {
    if (this.#greeted || kind === frameKind.hello || kind === frameKind.error) return
    throw new GliderError('PROTOCOL_ERROR', 'the first frame was not hello')
  }

  #data(body: Buffer, placed: boolean): void {
    const stream = this.#landingStream
    this.#landingStream = undefined
    stream?.dataArrived(body, placed)
  }

  #hello(head: Buffer): void {
    if (this.#greeted) throw new GliderError('PROTOCOL_ERROR', 'a second hello')
    const hello: Hello | undefined = parseHello(head)
    if (!hello) throw new GliderError('PROTOCOL_ERROR', 'a hello that cannot be read')
    if (hello.version.major !== PROTOCOL_VERSION.major) {
      throw new GliderError(
        'PROTOCOL_ERROR',
        `version ${hello.version.major} of the protocol is spoken there, ${PROTOCOL_VERSION.major} here`,
      )
    }
    this.#greeted = true
    this.#connection.greeted(hello)
  }

  /** With id 0 it is the other side's last word on the whole connection. */
  #error(id: number, error: GliderError): void {
    if (id === 0) this.#connection.close(error)
    else this.#connection.requestFailed(id, error)
  }

  #end(id: number, head: Buffer): void {
    const stream = this.#connection.streams.get(id)
    if (!stream) return
    let answer: unknown
    try {
      if (stream.dialled) answer = stream.operation.parseAnswer(parseJson(head))
    } catch (error) {
      stream.fail(GliderError.from(error, 'PROTOCOL_ERROR'))
      return
    }
    stream.endArrived(answer)
  }

  /** @throws GliderError PROTOCOL_ERROR where there is no such operation, or the id is not the other side's to give */
  #requestBinding({ id, operation }: FrameHeader): Exclude<Binding, { kind: 'stream' }> {
    const binding = this.#handlers?.find(operation)
    if (!binding || binding.kind === 'stream') throw new GliderError('PROTOCOL_ERROR', `unknown operation ${operation}`)
    const taken = this.#calls.has(id) || (binding.kind === 'raw' && this.#rawReceivers.get(operation)?.answersLater?.(id))
    if (!this.#connection.mayBePeers(id) || taken) {
      throw new GliderError('PROTOCOL_ERROR', `request ${id} has an id that is taken, or not its asker's to give`)
    }
    return binding
  }

  #request(header: FrameHeader, head: Buffer, body: Buffer): void {
    const { id } = header
    const binding = this.#requestBinding(header)
    const refusal = this.#refusal ?? refusalOf(binding.operation, this.#connection.principal)
    if (refusal) {
      this.#refusal = undefined
      this.#refuse(binding.operation, id, refusal)
      return
    }
    if (binding.kind === 'raw') this.#rawRequest(binding, id, head, body)
    else this.#plainRequest(binding, id, head, body)
  }

  #rawRequest(binding: Binding & { kind: 'raw' }, id: number, head: Buffer, body: Buffer): void {
    this.#landingIn = undefined
    this.#giveBack(this.#takeReserved())
    try {
      this.#rawReceiver(binding).received(head, body, id)
    } catch (error) {
      this.#refuse(binding.operation, id, GliderError.from(error))
    }
  }

  /** In the turn in which it arrived. */
  #refuse({ code }: Operation, id: number, error: GliderError): void {
    const { meter } = this.#connection
    meter?.failed(code, error.code)
    meter?.answered(code)
    this.#connection.answerError(id, error)
  }

  #rawReceiver(binding: Binding & { kind: 'raw' }): RawReceiver {
    const { code } = binding.operation
    let receiver = this.#rawReceivers.get(code)
    if (!receiver) {
      receiver = binding.receiver(this.#connection)
      this.#rawReceivers.set(code, receiver)
    }
    return receiver
  }

  #plainRequest(binding: Binding & { kind: 'answer' | 'bytes' }, id: number, headBytes: Buffer, body: Buffer): void {
    const call = new InboundCall(this.#connection.connection)
    const binary = isBinary(headBytes)
    const { accepted, inFlight, meter } = this.#connection
    const { code } = binding.operation
    const reserved = this.#takeReserved()
    let kept = false
    let result: unknown
    try {
      if (accepted) inFlight.check()
      const head = binding.operation.decodeHead(headBytes)
      result = binding.kind === 'answer' ? binding.handler(head, call) : binding.handler(head, body, call)
      kept = result instanceof Promise
      if (!(result instanceof Promise)) {
        this.#answer(binding, id, result, binary)
        if (meter) {
          meter.received[code]! += body.length
          meter.answered(code)
        }
        return
      }
    } catch (error) {
      this.#refuse(binding.operation, id, GliderError.from(error))
      return
    } finally {
      if (!kept) this.#giveBack(reserved)
    }
    this.#calls.set(id, call)
    if (accepted) inFlight.enter()
    if (meter) meter.received[code]! += body.length
    const sinceMs = meter?.turnMs ?? 0
    const over = (): void => {
      this.#calls.delete(id)
      meter?.ended(code, sinceMs)
      if (accepted) inFlight.leave()
      this.#giveBack(reserved)
    }
    result
      .then(
        value => {
          over()
          this.#answer(binding, id, value, binary)
        },
        error => {
          over()
          throw error
        },
      )
      .catch((thrown: unknown) => {
        const error = GliderError.from(thrown)
        meter?.failed(code, error.code)
        this.#connection.answerError(id, error)
      })
  }

  /** @throws GliderError INTERNAL where the answer does not fit into a frame */
  #answer(binding: Binding & { kind: 'answer' | 'bytes' }, id: number, answer: unknown, binary: boolean): void {
    const reply = binding.kind === 'bytes' ? (answer as Reply<unknown>) : { head: answer, body: undefined }
    const head = binding.operation.encodeAnswer(reply.head, binary)
    const bodyBytes = reply.body?.length ?? 0
    if (head.length > MAX_HEAD_BYTES || bodyBytes > MAX_BODY_BYTES) {
      throw new GliderError('INTERNAL', `an answer of ${head.length + bodyBytes} bytes does not fit into a frame`)
    }
    const { meter } = this.#connection
    if (meter && bodyBytes > 0) meter.sent[binding.operation.code]! += bodyBytes
    this.#connection.answerRaw(id, head, reply.body)
  }

  #open(header: FrameHeader, headBytes: Buffer): void {
    const { id } = header
    const binding = this.#handlers?.find(header.operation)
    if (binding?.kind !== 'stream')
      throw new GliderError('PROTOCOL_ERROR', `operation ${header.operation} is no stream of this server`)
    if (!this.#connection.mayBePeers(id))
      throw new GliderError('PROTOCOL_ERROR', `stream ${id} has an id that is not its opener's to give`)
    if (this.#connection.streams.get(id)) throw new GliderError('PROTOCOL_ERROR', `stream ${id} is open already`)
    const refusal = refusalOf(binding.operation, this.#connection.principal) ?? this.#refusalOfStream()
    const { meter } = this.#connection
    const { code } = binding.operation
    if (refusal) {
      meter?.failed(code, refusal.code)
      meter?.answered(code)
      this.#connection.queue.small(frameKind.reset, 0, id, encodeError(refusal))
      return
    }
    const sinceMs = meter?.turnMs ?? 0
    const stream = new MuxStream(this.#connection, id, binding.operation, false)
    this.#connection.streams.add(stream)
    const call: Call = { connection: this.#connection.connection, signal: stream.signal }
    const run = async (): Promise<unknown> => binding.handler(binding.operation.parseHead(parseJson(headBytes)), stream, call)
    run()
      .then(answer => stream.finish(answer ?? {}))
      .catch((thrown: unknown) => {
        const error = GliderError.from(thrown)
        meter?.failed(code, error.code)
        stream.finishFailed(error)
      })
      .finally(() => meter?.ended(code, sinceMs))
  }

  #refusalOfStream(): GliderError | undefined {
    const { streams, limits, accepted, budget } = this.#connection
    if (streams.size >= limits.streams) return atLimit('streams', limits)
    if (!accepted) return undefined
    try {
      budget.check(INITIAL_WINDOW_BYTES)
      return undefined
    } catch (error) {
      return GliderError.from(error)
    }
  }
}

function isPosition(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
