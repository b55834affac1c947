import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { describe, expect, it } from 'vitest'
import { GliderError } from '../protocol/errors.ts'
import type { Origin } from '../protocol/origin.ts'
import { type EndedSpan, MemoryTracer } from '../protocol/testing/memory-tracer.ts'
import { ClientTracing } from './tracing.ts'

const clientId = 'abcdefghijkl'

function setUp({ ids = false, traced = false, turn = {} }: { ids?: boolean; traced?: boolean; turn?: Origin }) {
  const spans: EndedSpan[] = []
  const tracer = traced ? new MemoryTracer(span => spans.push(span)) : undefined
  return { spans, tracing: new ClientTracing({ ids, clientId, namespace: 'jobs', origin: () => turn, tracer }) }
}

describe('an operation', () => {
  it('has no id where nobody follows it, and costs nothing where there is nothing to follow it for', () => {
    expect(setUp({}).tracing.begin('call', '/a')).toBeUndefined()
    const options = { ids: false, clientId, namespace: undefined, origin: () => ({}) }
    expect(ClientTracing.of(options, false)).toBeUndefined()
    expect(ClientTracing.of({ ...options, ids: true }, false)).toBeDefined()
  })

  it('has one of its client and a number, or the one that it carries on', () => {
    const { tracing } = setUp({ ids: true })
    expect(tracing.begin('call', '/a')?.id).toBe('abcdefgh-1')
    expect(tracing.begin('lookup', '/a', undefined, false)).toBeUndefined()
    expect(tracing.begin('call', '/a')?.id).toBe('abcdefgh-2')
    expect(tracing.begin('openObject', '/a', 'abcdefgh-2')?.id).toBe('abcdefgh-2')
    expect(setUp({ turn: { operation: 'other-7' } }).tracing.begin('call', '/a')?.id).toBe('other-7')
  })

  it('that has a span has its traceparent, and is below what it carries on', () => {
    const { tracing, spans } = setUp({ traced: true })
    const outer = tracing.begin('writeAction', '/a')!
    const inner = tracing.begin('openObject', undefined, outer.id)!
    inner.done()
    inner.failed(new GliderError('BUSY', 'the first end counts'))
    outer.failed(new GliderError('ACTION_FAILED', 'it threw'))
    const [below, above] = spans
    expect(outer.id).toBe(`00-${above?.traceId}-${above?.spanId}-01`)
    expect(spans).toMatchObject([
      { name: 'glider.openObject', traceId: above?.traceId, parentId: above?.spanId, status: { code: SpanStatusCode.UNSET } },
      { name: 'glider.writeAction', parentId: undefined, kind: SpanKind.CLIENT },
    ])
    expect(below?.spanId).not.toBe(above?.spanId)
    expect(above?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'it threw' })
    expect(above?.attributes).toEqual({ 'glider.path': '/a', 'glider.namespace': 'jobs', 'error.type': 'ACTION_FAILED' })
  })

  it('names itself in its error, and in none that others fail by as well', async () => {
    const { tracing } = setUp({ ids: true })
    const gone = new GliderError('UNAVAILABLE', 'the connection has gone', { cause: 'why', outcome: 'unknown' })
    const failed = [1, 2].map(() => tracing.begin('call', '/a')!.during(Promise.reject(gone)))
    const same = { code: 'UNAVAILABLE', message: gone.message, cause: 'why', outcome: 'unknown', stack: gone.stack }
    await expect(failed[0]).rejects.toMatchObject({ ...same, operation: 'abcdefgh-1' })
    await expect(failed[1]).rejects.toMatchObject({ ...same, operation: 'abcdefgh-2' })
    expect(gone.operation).toBeUndefined()
  })
})
