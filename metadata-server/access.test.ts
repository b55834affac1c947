import { expect, test } from 'vitest'
import { FakeCluster, FakeConnection } from './fakes.test.helper.ts'

test('a stranger who calls himself a server has 10 seconds to prove it', async () => {
  const { clock, server } = new FakeCluster({}, undefined, 'a secret')
  const [stranger, member, gone] = ['stranger', 'member', 'gone'].map(id => new FakeConnection(id))
  const timers = clock.timers
  for (const connection of [stranger, member, gone]) {
    expect(server.access.admit({ ...connection!.peer, role: 'storage' }, connection!)).toBeUndefined()
  }
  member!.principal = { kind: 'server' }
  gone!.close()
  await clock.advance(9_999)
  expect(stranger!.closed).toBe(false)
  await clock.advance(1)
  expect([stranger!.closed, member!.closed]).toEqual([true, false])
  expect(clock.timers).toBe(timers)
})
