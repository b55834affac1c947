import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { Grants } from '../server/grants.ts'
import type { Log } from '../server/log.ts'
import { ObjectLog } from './action-logs.ts'
import type { FromObject } from './action-thread.ts'
import { ObjectReports } from './object-reports.ts'
import { type Occupant, Slots } from './slots.ts'

const incarnation = 'active--0001'
const from = { id: `${incarnation}.3.1.2`, path: '/a', at: 5 }

function setUp() {
  const logged: [string, object, string][] = []
  const to = (level: string) => (details: object, message: string) => void logged.push([level, details, message])
  const log: Log = { debug: to('debug'), info: to('info'), warn: to('warn'), error: to('error') }
  const slots = new Slots(incarnation, Buffer.alloc(32), new Grants())
  const occupant = { slot: 3, generation: { epoch: 1, counter: 2 }, log: new ObjectLog() } as Occupant
  slots.take(occupant)
  const reports = new ObjectReports(slots, log)
  const metrics = new Registry()
  reports.register(metrics)
  const say = (told: FromObject): void => reports.said(1, told)
  return { logged, slots, occupant, say, metrics }
}

it('writes what an object says to the log of the server, with its path, and to its own', async () => {
  const { logged, occupant, say } = setUp()
  say({ type: 'log', level: 'info', ...from, message: 'hello', details: { path: '/b', level: 'high' } })
  say({ type: 'uncaught', ...from, error: 'Error: oh' })
  expect(logged).toEqual([
    ['info', { thread: 1, path: '/a', details: { path: '/b', level: 'high' } }, 'hello'],
    ['error', { thread: 1, path: '/a' }, 'user code let an error go uncaught: Error: oh'],
  ])
  const kept = await occupant.log.read(false, new AbortController().signal).next()
  expect((kept.value as string).trimEnd().split('\n')).toEqual([
    '{"level":"info","message":"hello","at":5,"details":{"path":"/b","level":"high"}}',
    '{"level":"error","message":"user code let an error go uncaught: Error: oh","at":5}',
  ])
})

it('counts what nobody caught and what was dropped, and says how much', async () => {
  const { logged, say, metrics } = setUp()
  say({ type: 'uncaught', ...from, error: 'one' })
  say({ type: 'dropped', ...from, lines: 10, bytes: 3 << 20, errors: 4 })
  expect(logged[1]).toEqual([
    'warn',
    { thread: 1, path: '/a' },
    'logged too fast: 10 lines, 3.0 MiB, were dropped (4 of the lines were uncaught errors)',
  ])
  const text = await metrics.metrics()
  expect(text).toContain('glider_action_uncaught_errors_total 5')
  expect(text).toContain('glider_action_log_dropped_lines_total 10')
  expect(text).toContain(`glider_action_log_dropped_bytes_total ${3 << 20}`)
})

it('still logs for an object that has gone', () => {
  const { logged, slots, occupant, say } = setUp()
  slots.release(occupant)
  say({ type: 'log', level: 'warn', ...from, message: 'late' })
  expect(logged).toHaveLength(1)
})
