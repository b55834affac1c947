import { type Context, context, type Span, SpanKind, type Tracer, trace } from '@opentelemetry/api'
import { GliderError } from '../protocol/errors.ts'
import type { Origin } from '../protocol/origin.ts'
import { contextOf, endSpan, registeredTracer, traceParentOf } from '../protocol/tracing.ts'

/** So much of a client's id tells it from others in a log. */
const SHORT_ID_CHARS = 8

export interface ClientTracingOptions {
  /** Whether each operation is to have an id, also where there is neither a tracer nor one that it carries on. */
  readonly ids: boolean
  readonly clientId: string
  readonly namespace: string | undefined
  readonly origin: () => Origin
  readonly tracer: Tracer | undefined
}

/**
 * Gives ids to the operations of one client: that of their span where the program has a tracer, that of the turn which they are
 * part of within an action, or else one of its own.
 */
export class ClientTracing {
  readonly #options: ClientTracingOptions
  readonly #short: string
  #count = 0

  constructor(options: ClientTracingOptions) {
    this.#options = options
    this.#short = options.clientId.slice(0, SHORT_ID_CHARS)
  }

  /** Undefined where there is nothing to follow operations for, which then cost nothing. */
  static of(options: Omit<ClientTracingOptions, 'tracer'>, withinAction: boolean): ClientTracing | undefined {
    const tracer = registeredTracer()
    return options.ids || tracer || withinAction ? new ClientTracing({ ...options, tracer }) : undefined
  }

  /**
   * Begins an operation.
   * @param parent id of that which it is part of; by default that of the turn
   * @param named whether it is to have an id of its own where there is none to carry on
   */
  begin(name: string, path: string | undefined, parent?: string, named = true): Followed | undefined {
    const { tracer, ids, origin } = this.#options
    const turn = origin().operation
    const carried = parent ?? turn
    // What the program itself has made active counts more than the turn.
    const above = carried === turn && trace.getSpanContext(context.active()) ? context.active() : contextOf(carried)
    const span = tracer && this.#span(tracer, name, path, above)
    const own = span && traceParentOf(span)
    const id = own ?? carried ?? (ids && named ? `${this.#short}-${++this.#count}` : undefined)
    return id === undefined ? undefined : new Followed(id, span)
  }

  #span(tracer: Tracer, name: string, path: string | undefined, above: Context): Span {
    const { namespace } = this.#options
    const attributes = {
      ...(path !== undefined && { 'glider.path': path }),
      ...(namespace !== undefined && { 'glider.namespace': namespace }),
    }
    return tracer.startSpan(`glider.${name}`, { kind: SpanKind.CLIENT, attributes }, above)
  }
}

/** One operation with an id. */
export class Followed {
  readonly id: string
  readonly #span: Span | undefined
  #over = false

  constructor(id: string, span: Span | undefined) {
    this.id = id
    this.#span = span
  }

  /** It has come to its end. Only the first end counts. */
  done(): void {
    this.#end()
  }

  /** It has failed. Answers the error as the program is to see it. */
  failed(error: unknown): unknown {
    this.#end(error)
    return error instanceof GliderError ? error.ofOperation(this.id) : error
  }

  /** As `opening`, which does not end it, unless it fails. */
  async begun<T>(opening: Promise<T>): Promise<T> {
    try {
      return await opening
    } catch (error) {
      throw this.failed(error)
    }
  }

  async during<T>(work: Promise<T>): Promise<T> {
    const result = await this.begun(work)
    this.done()
    return result
  }

  #end(error?: unknown): void {
    if (this.#over) return
    this.#over = true
    if (this.#span) endSpan(this.#span, error)
  }
}
