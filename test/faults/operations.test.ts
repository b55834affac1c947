import { type ErrorCode, GliderError } from 'glider'
import { expect, test } from 'vitest'
import { FakeClock } from '../../protocol/testing/fake-clock.ts'
import { Operations } from './operations.ts'

function operationsWith(): { operations: Operations; broken: string[]; gone: string[]; clock: FakeClock } {
  const broken: string[] = []
  const gone: string[] = []
  const clock = new FakeClock()
  const operations = new Operations(clock, { broken: what => broken.push(what), gone: server => gone.push(server) })
  return { operations, broken, gone, clock }
}

const failing =
  (code: ErrorCode, message = 'so it is') =>
  (): Promise<void> =>
    Promise.reject(new GliderError(code, message))

test('a code that an operation may end with is counted, and any other breaks a rule', async () => {
  const { operations, broken } = operationsWith()
  expect(await operations.run('get a file', '/x', 1_000, failing('UNAVAILABLE'))).toMatchObject({ ok: false, uncertain: true })
  expect(await operations.run('get a file', '/x', 1_000, failing('NOT_FOUND'), ['NOT_FOUND'])).toMatchObject({ uncertain: false })
  expect(broken).toEqual([])
  await operations.run('get a file', '/x', 1_000, failing('NOT_FOUND'))
  await operations.run('get a file', '/x', 1_000, failing('INTERNAL'))
  await operations.run('get a file', '/x', 1_000, () => Promise.reject(new TypeError('of no kind')))
  expect(broken).toEqual([
    expect.stringContaining('NOT_FOUND'),
    expect.stringContaining('INTERNAL'),
    expect.stringContaining('no GliderError: TypeError: of no kind'),
  ])
  expect(operations.takeCounts()).toEqual({ 'get a file': { UNAVAILABLE: 1, NOT_FOUND: 2, INTERNAL: 1, 'no GliderError': 1 } })
})

test('once all servers are there, only what does not come back may be missing, and who is gone is told', async () => {
  const { operations, broken, gone } = operationsWith()
  operations.calm = true
  await operations.run(
    'get a file',
    '/x',
    1_000,
    failing('DATA_LOST', '/x: the server storage-3 at 127.0.0.1:5 that held it is gone'),
  )
  await operations.run(
    'call an action',
    '/x',
    1_000,
    failing('ACTION_LOST', 'the active server at 127.0.0.1:5 was given up. Yes'),
  )
  expect([broken, gone]).toEqual([[], ['storage-3', 'at 127.0.0.1:5']])
  await operations.run('get a file', '/x', 1_000, failing('UNAVAILABLE'))
  expect(broken).toEqual([expect.stringContaining('although every server is there')])
})

test('an operation that outlives its deadline breaks a rule, also while it goes on', async () => {
  const { operations, broken, clock } = operationsWith()
  let end = (): void => {}
  const running = operations.run(
    'list',
    '/x',
    1_000,
    () =>
      new Promise<void>(resolve => {
        end = resolve
      }),
  )
  clock.advance(4_000)
  expect(broken).toEqual([])
  clock.advance(3_000)
  expect(broken).toEqual([expect.stringContaining('its deadline is 1000 ms')])
  end()
  await running
  expect(broken).toHaveLength(1)
})
