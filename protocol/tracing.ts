/** What client and servers need of OpenTelemetry. Its API alone does nothing: spans are for who has registered a provider of them. */
import {
  type Context,
  context,
  isSpanContextValid,
  ProxyTracer,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { GliderError } from './errors.ts'

/** As W3C has it: version, trace, span, flags. */
const TRACE_PARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/** Undefined where nobody has registered a provider of tracers in this process, or thread. */
export function registeredTracer(): Tracer | undefined {
  const tracer = trace.getTracer('glider')
  // That of the API itself, which waits for a provider to be registered.
  return tracer instanceof ProxyTracer ? undefined : tracer
}

/** The id of an operation that has a span: its `traceparent`. Undefined where the provider has made none that counts. */
export function traceParentOf(span: Span): string | undefined {
  const spanContext = span.spanContext()
  if (!isSpanContextValid(spanContext)) return undefined
  const { traceId, spanId, traceFlags } = spanContext
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
}

/** Whether the id of an operation names a span. */
export function isTraceParent(operation: string | undefined): boolean {
  return operation !== undefined && TRACE_PARENT.test(operation)
}

/** Where spans of what belongs to the operation go: below its own, which is another process's; or else below what is active here. */
export function contextOf(operation: string | undefined): Context {
  const active = context.active()
  const [, traceId, spanId, flags] = TRACE_PARENT.exec(operation ?? '') ?? []
  if (!traceId || !spanId || !flags) return active
  return trace.setSpanContext(active, { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true })
}

export function endSpan(span: Span, error?: unknown): void {
  if (error !== undefined) {
    const { code, message } = GliderError.from(error)
    span.setAttribute('error.type', code)
    span.setStatus({ code: SpanStatusCode.ERROR, message })
  }
  span.end()
}
