import { type Span, SpanKind, type Tracer } from '@opentelemetry/api'
import type { Clock } from '../protocol/clock.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Origin } from '../protocol/origin.ts'
import { contextOf, endSpan, isTraceParent, registeredTracer, traceParentOf } from '../protocol/tracing.ts'
import type { Log } from '../server/log.ts'
import { OperationLog } from '../server/operation-log.ts'

/** A stream or call that somebody follows. */
export interface FollowedTurn {
  /** That of its turn. */
  readonly origin: Origin
  over(error?: GliderError): void
}

/** Streams and calls that come with an id are logged; and where this process has a tracer of OpenTelemetry, each has a span. */
export class ServerTracing {
  readonly #log: OperationLog
  readonly #tracer: Tracer | undefined

  constructor(clock: Clock, log: Log, tracer: Tracer | undefined = registeredTracer()) {
    this.#log = new OperationLog(clock, log)
    this.#tracer = tracer
  }

  /** Undefined where nobody follows it. */
  begin(name: string, path: string, { chain, operation }: Origin): FollowedTurn | undefined {
    if (operation === undefined && !this.#tracer) return undefined
    const span = this.#tracer && this.#span(this.#tracer, name, path, operation)
    // An id that is no span's goes on as it is: it is what its client knows.
    const own = operation === undefined || isTraceParent(operation) ? span && traceParentOf(span) : undefined
    const logged = operation ?? own
    const tell = logged === undefined ? undefined : this.#log.begin(name, { operation: logged, path })
    return {
      origin: { chain, operation: own ?? operation },
      over(error) {
        tell?.(error)
        if (span) endSpan(span, error)
      },
    }
  }

  async during<T>(name: string, path: string, origin: Origin, work: (turn: Origin) => Promise<T>): Promise<T> {
    const followed = this.begin(name, path, origin)
    if (!followed) return work(origin)
    try {
      const result = await work(followed.origin)
      followed.over()
      return result
    } catch (error) {
      followed.over(GliderError.from(error))
      throw error
    }
  }

  #span(tracer: Tracer, name: string, path: string, operation: string | undefined): Span {
    const attributes = { 'glider.path': path, ...(operation !== undefined && { 'glider.operation': operation }) }
    return tracer.startSpan(`glider.${name}`, { kind: SpanKind.SERVER, attributes }, contextOf(operation))
  }
}
