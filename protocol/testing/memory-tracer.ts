import {
  type Attributes,
  type Context,
  context,
  type Span,
  type SpanOptions,
  type SpanStatus,
  type Tracer,
  trace,
} from '@opentelemetry/api'

/** A span that has ended. */
export interface EndedSpan {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string | undefined
  readonly kind: number | undefined
  readonly attributes: Attributes
  readonly status: SpanStatus
}

/** Tells of each span once it has ended. Ids begin with `prefix`, of one hex digit, and count. */
export class MemoryTracer implements Tracer {
  readonly #ended: (span: EndedSpan) => void
  readonly #prefix: string
  #count = 0

  constructor(ended: (span: EndedSpan) => void, prefix = '1') {
    this.#ended = ended
    this.#prefix = prefix
  }

  startSpan(name: string, { kind, attributes: given }: SpanOptions = {}, above: Context = context.active()): Span {
    const parent = trace.getSpanContext(above)
    const spanId = this.#id(16)
    const traceId = parent?.traceId ?? this.#id(32)
    const attributes: Attributes = { ...given }
    let status: SpanStatus = { code: 0 }
    const span: Span = {
      spanContext: () => ({ traceId, spanId, traceFlags: 1 }),
      setAttribute(key, value) {
        attributes[key] = value
        return span
      },
      setAttributes: more => {
        Object.assign(attributes, more)
        return span
      },
      addEvent: () => span,
      addLink: () => span,
      addLinks: () => span,
      setStatus(now) {
        status = now
        return span
      },
      updateName: () => span,
      end: () => this.#ended({ name, traceId, spanId, parentId: parent?.spanId, kind, attributes, status }),
      isRecording: () => true,
      recordException: () => {},
    }
    return span
  }

  startActiveSpan(): never {
    throw new Error('nobody asks for this')
  }

  #id(chars: number): string {
    this.#count++
    return this.#prefix + this.#count.toString(16).padStart(chars - 1, '0')
  }
}
