import { wholeOptions } from '../protocol/action-heads.ts'
import { catalogue } from '../protocol/catalogue.ts'
import { ChurnMap } from '../protocol/churn-map.ts'
import type { GliderError } from '../protocol/errors.ts'
import type { AnswerChannel, RawReceiver } from '../protocol/handlers.ts'
import type { Guest } from '../server/grants.ts'
import type { Traffic } from '../server/traffic.ts'
import type { ActionThread } from './action-thread.ts'
import type { Gate } from './gate.ts'
import type { Slots } from './slots.ts'
import type { StreamQuota } from './stream-quota.ts'
import type { ServerTracing } from './tracing.ts'

const EMPTY = Buffer.alloc(0)
const { code: WHOLE } = catalogue.writeActionWhole

export interface WholeStreamParts {
  readonly slots: Slots
  readonly quota: StreamQuota
  readonly gate: Gate
  /** Who has the connection. */
  readonly guest: Guest
  readonly traffic: Traffic
  readonly tracing: ServerTracing
}

interface Running {
  readonly thread: ActionThread
  readonly stream: number
  readonly bytes: number
}

/**
 * Takes write streams that arrive whole, in one request each, to the threads of their objects. Always holds: those that run are
 * counted as under way, and their bytes as buffered, until they are answered or nobody wants them any more.
 */
export class WholeStreams implements RawReceiver {
  readonly #connection: AnswerChannel
  readonly #parts: WholeStreamParts
  /** By request. */
  readonly #running = new ChurnMap<Running>()

  constructor(connection: AnswerChannel, parts: WholeStreamParts) {
    this.#connection = connection
    this.#parts = parts
  }

  /** Bodies are small: they are copied to where their thread sees them. */
  place(): undefined {
    return undefined
  }

  received(head: Buffer, body: Buffer, requestId: number): void {
    const { slots, quota, gate, guest, traffic, tracing } = this.#parts
    const occupant = slots.at(head, guest)
    const { thread, slot, path } = occupant
    const options = wholeOptions(head, value => catalogue.writeActionWhole.parseHead(value))
    gate.check(options.chain)
    const { inFlight, budget, meter } = this.#connection
    const sinceMs = meter?.turnMs ?? 0
    inFlight.check()
    budget.check(body.length)
    quota.enter()
    try {
      slots.open(occupant)
    } catch (error) {
      quota.leave()
      throw error
    }
    traffic.operations += 1
    traffic.bytesIn += body.length
    const followed = tracing.begin('writeActionWhole', path, options)
    const asked = followed ? { ...followed.origin, key: options.key } : options
    const stream = thread.writeWhole(slot, body, asked, error => {
      followed?.over(error)
      quota.leave()
      slots.close(occupant)
      this.#over(this.#running.take(requestId))
      meter?.ended(WHOLE, sinceMs)
      if (error) {
        meter?.failed(WHOLE, error.code)
        this.#connection.answerError(requestId, error)
      } else this.#connection.answerRaw(requestId, EMPTY, undefined)
    })
    if (stream === undefined) return
    if (meter) meter.received[WHOLE]! += body.length
    this.#running.set(requestId, { thread, stream, bytes: body.length })
    inFlight.enter()
    budget.takeInitial(body.length)
  }

  #over(running: Running | undefined): void {
    if (!running) return
    this.#connection.inFlight.leave()
    this.#connection.budget.give(running.bytes)
  }

  answersLater(requestId: number): boolean {
    return this.#running.has(requestId)
  }

  /** Who has gone before the answer has given the stream up, like one who leaves before its end. */
  cancelled(requestId: number, reason: GliderError): void {
    const running = this.#running.take(requestId)
    if (!running) return
    running.thread.abortStream(running.stream, reason)
    this.#over(running)
  }

  closed(reason: GliderError): void {
    for (const running of this.#running.values()) {
      running.thread.abortStream(running.stream, reason)
      this.#over(running)
    }
    this.#running.clear()
  }

  abandoned(): void {}
}
