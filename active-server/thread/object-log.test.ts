import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../protocol/testing/fake-clock.ts'
import type { FromThread } from '../messages.ts'
import { ObjectLog } from './object-log.ts'

function setUp() {
  const clock = new FakeClock()
  const posted: FromThread[] = []
  const log = new ObjectLog({ id: 'id', path: '/a' }, clock, message => posted.push(message))
  return { clock, posted, log }
}

describe('the log of an object, in its thread', () => {
  it('posts what is logged and printed, with the path and without the end of the line', () => {
    const { posted, log, clock } = setUp()
    log.face.info('said', { n: 1 })
    log.write('warn', Buffer.from('printed\n'))
    const from = { id: 'id', path: '/a', at: clock.wallTime() }
    expect(posted).toEqual([
      { type: 'log', level: 'info', ...from, message: 'said', details: { n: 1 } },
      { type: 'log', level: 'warn', ...from, message: 'printed' },
    ])
  })

  it('takes details that JSON cannot carry as text', () => {
    const { posted, log } = setUp()
    const circle: { self?: object } = {}
    circle.self = circle
    log.face.error('round', circle)
    expect(posted[0]).toMatchObject({ details: { details: expect.stringContaining('Circular') as string } })
  })

  it('takes whatever is logged or thrown, also what cannot be looked at', () => {
    const { posted, log } = setUp()
    const hostile = {
      n: 1n,
      [inspect.custom]: () => {
        throw Object.assign(new Error('not now'), { stack: undefined })
      },
    }
    const stackless = Object.assign(new Error('without a stack'), { stack: { no: 'text' } })
    log.face.info('function', () => 1)
    log.face.info('nothing', { toJSON: () => undefined })
    log.face.info('hostile', { hostile })
    for (const thrown of [hostile, stackless, Object.create(null), Symbol('s')]) log.uncaught(thrown)
    expect(posted).toMatchObject([
      { details: { details: '[Function (anonymous)]' } },
      { details: { details: '{ toJSON: [Function: toJSON] }' } },
      { message: 'hostile', details: {} },
      { type: 'uncaught', error: '[object Object]' },
      { type: 'uncaught', error: 'without a stack' },
      { type: 'uncaught', error: '[Object: null prototype] {}' },
      { type: 'uncaught', error: 'Symbol(s)' },
    ])
  })

  it('cuts what is long, and tells how much was left out', () => {
    const { posted, log, clock } = setUp()
    log.write('info', 'x'.repeat(1 << 20))
    log.face.info('details', { much: 'y'.repeat(1 << 20) })
    log.uncaught(new Error('z'.repeat(1 << 20)))
    for (const told of posted) expect(JSON.stringify(told).length).toBeLessThan(10_000)
    expect(posted.map(({ type }) => type)).toEqual(['log', 'log', 'uncaught'])
    clock.advance(1_000)
    const [dropped] = posted.slice(3)
    expect(dropped).toMatchObject({ type: 'dropped', lines: 0, errors: 0 })
    expect((dropped as { bytes: number }).bytes).toBeGreaterThan(3 * (1 << 20) - 3 * 8192)
  })

  it('posts next to nothing of what comes too fast', () => {
    const { posted, log, clock } = setUp()
    for (let i = 0; i < 100_000; i++) log.write('info', 'x'.repeat(100))
    expect(posted).toHaveLength(500)
    clock.advance(1_000)
    expect(posted.at(-1)).toMatchObject({ type: 'dropped', lines: 99_500, bytes: 9_950_000 })
  })
})
