import { SpanKind } from '@opentelemetry/api'
import { expect, it } from 'vitest'
import { GliderError } from '../protocol/errors.ts'
import { FakeClock } from '../protocol/testing/fake-clock.ts'
import { type EndedSpan, MemoryTracer } from '../protocol/testing/memory-tracer.ts'
import type { Log } from '../server/log.ts'
import { ServerTracing } from './tracing.ts'

const traceId = 'a'.repeat(32)
const parent = `00-${traceId}-${'b'.repeat(16)}-01`

function setUp(traced: boolean) {
  const clock = new FakeClock()
  const logged: [string, object][] = []
  const spans: EndedSpan[] = []
  const no = (): void => {
    throw new Error('only debug lines are expected')
  }
  const log: Log = { debug: (details, message) => void logged.push([message, details]), info: no, warn: no, error: no }
  const tracer = traced ? new MemoryTracer(span => spans.push(span)) : undefined
  return { clock, logged, spans, tracing: new ServerTracing(clock, log, tracer) }
}

it('a call without an id, where there is no tracer, is neither logged nor changed', async () => {
  const { tracing, logged } = setUp(false)
  const origin = { chain: ['x'] }
  expect(await tracing.during('callAction', '/a', origin, async turn => turn === origin)).toBe(true)
  expect(logged).toEqual([])
})

it('one with an id is logged once it is over, with its time and how it has failed', async () => {
  const { tracing, logged, clock } = setUp(false)
  const origin = { chain: ['x'], operation: 'c-1' }
  const done = tracing.during('callAction', '/a', origin, async turn => {
    clock.advance(12.5)
    return turn
  })
  expect(await done).toEqual(origin)
  const fails = tracing.during('readAction', '/b', origin, () => Promise.reject(new GliderError('BUSY', 'no')))
  await expect(fails).rejects.toMatchObject({ code: 'BUSY' })
  expect(logged).toEqual([
    ['callAction', { operation: 'c-1', path: '/a', ms: 12.5 }],
    ['readAction', { operation: 'c-1', path: '/b', ms: 0, code: 'BUSY' }],
  ])
})

it('a span is below that of its client, and the turn below it', async () => {
  const { tracing, spans, logged } = setUp(true)
  const turn = await tracing.during('callAction', '/a', { operation: parent }, async origin => origin.operation)
  expect(spans).toMatchObject([{ name: 'glider.callAction', traceId, parentId: 'b'.repeat(16), kind: SpanKind.SERVER }])
  expect(turn).toBe(`00-${traceId}-${spans[0]?.spanId}-01`)
  expect(logged).toMatchObject([['callAction', { operation: parent }]])
})

it('where the client has no tracer the id stays, and the span names it', async () => {
  const { tracing, spans } = setUp(true)
  expect(await tracing.during('callAction', '/a', { operation: 'c-1' }, async origin => origin.operation)).toBe('c-1')
  expect(spans).toMatchObject([{ parentId: undefined, attributes: { 'glider.path': '/a', 'glider.operation': 'c-1' } }])
  const own = await tracing.during('callAction', '/a', {}, async origin => origin.operation)
  expect(own).toBe(`00-${spans[1]?.traceId}-${spans[1]?.spanId}-01`)
})
