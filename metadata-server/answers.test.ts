import { expect, test } from 'vitest'
import { catalogue } from '../protocol/catalogue.ts'
import { codeOf, FakeCluster, FakeConnection, messageOf, settle } from './fakes.test.helper.ts'

const minute = 60_000

test('a repeat gets the first answer, over another connection as well', async () => {
  const cluster = new FakeCluster()
  const create = { path: '/f', type: 'file', sequence: 1 } as const
  const first = await cluster.ask('create', create)
  expect(await cluster.ask('create', create, new FakeConnection('client'))).toEqual(first)
  expect(await codeOf(cluster.ask('create', create, new FakeConnection('another client')))).toBe('ALREADY_EXISTS')
  expect(await codeOf(cluster.ask('create', { ...create, sequence: 2 }))).toBe('ALREADY_EXISTS')
})

test('a failure is repeated too, although it would succeed by now', async () => {
  const cluster = new FakeCluster()
  const rename = { from: '/f', to: '/g', sequence: 1 }
  expect(await codeOf(cluster.ask('rename', rename))).toBe('NOT_FOUND')
  await cluster.ask('create', { path: '/f', type: 'file', sequence: 2 })
  expect(await codeOf(cluster.ask('rename', rename))).toBe('NOT_FOUND')
  expect(await cluster.ask('exists', { path: '/f' })).toEqual({ exists: true })
})

test('a repeat joins the first while that is under way', async () => {
  const cluster = new FakeCluster()
  const active = cluster.joinActive(4)
  await cluster.ask('create', { path: '/a', type: 'action' })
  const asked = [1, 2].map(() => cluster.ask('createObject', { path: '/a', definition: 'std/Merge', sequence: 1 }))
  const [first, second] = await Promise.all(asked)
  expect(second).toEqual(first)
  expect(active.connection.sent(catalogue.startObject)).toHaveLength(1)
})

test('an acknowledged answer is dropped, and its repeat refused instead of carried out again', async () => {
  const cluster = new FakeCluster()
  await cluster.ask('create', { path: '/f', type: 'file', sequence: 1 })
  await cluster.ask('delete', { path: '/f', sequence: 2, acknowledged: 1 })
  expect(cluster.server.stats().keptAnswers).toBe(1)
  expect(await codeOf(cluster.ask('create', { path: '/f', type: 'file', sequence: 1 }))).toBe('PROTOCOL_ERROR')
  expect(await cluster.ask('exists', { path: '/f' })).toEqual({ exists: false })
})

test('one number is not that of two operations', async () => {
  const cluster = new FakeCluster()
  await cluster.ask('create', { path: '/f', type: 'file', sequence: 1 })
  const second = cluster.ask('delete', { path: '/f', sequence: 1 })
  expect(await codeOf(second)).toBe('PROTOCOL_ERROR')
  expect(await messageOf(second)).toContain('sequence number 1')
})

test('answers are kept for ten minutes, and so many per client', async () => {
  const cluster = new FakeCluster({ keepAnswersPerClient: 3 })
  for (let sequence = 1; sequence <= 5; sequence += 1)
    await cluster.ask('create', { path: `/f${sequence}`, type: 'file', sequence })
  expect(cluster.server.stats().keptAnswers).toBe(3)
  await cluster.clock.advance(9 * minute)
  expect(cluster.server.stats().keptAnswers).toBe(3)
  await cluster.clock.advance(2 * minute)
  expect(cluster.server.stats().keptAnswers).toBe(0)
})

test('of very many clients those are forgotten that were not heard of for longest, and no others', async () => {
  const cluster = new FakeCluster({ keepAnswersPerNamespace: 20 })
  const steady = new FakeConnection('steady')
  const create = (from: FakeConnection, sequence = 1) =>
    cluster.ask('create', { path: `/${from.peer.clientId}-${sequence}`, type: 'file', sequence }, from)
  const first = await create(steady)
  for (let at = 1; at <= 100; at += 1) {
    await cluster.clock.advance(minute / 20)
    await create(new FakeConnection(`passing-${at}`))
    // What the steady one has asked for is known as long as it is there itself.
    expect(await create(steady)).toEqual(first)
    // Each is a client and an answer.
    expect(cluster.server.stats().keptAnswers).toBeLessThanOrEqual(10)
  }
  expect(await codeOf(create(new FakeConnection('passing-1')))).toBe('ALREADY_EXISTS')
  expect(await codeOf(create(new FakeConnection('passing-99')))).toBe('no error')
})

test('what is under way is not forgotten, however many clients there are', async () => {
  const cluster = new FakeCluster({ keepAnswersPerNamespace: 10 })
  const active = cluster.joinActive(4)
  let started = (_answer: object): void => {}
  active.connection.respond(catalogue.startObject, () => new Promise(resolve => void (started = resolve)))
  await cluster.ask('create', { path: '/a', type: 'action' })
  const asked = cluster.ask('createObject', { path: '/a', definition: 'std/Merge', sequence: 1 })
  for (let at = 1; at <= 20; at += 1) {
    await codeOf(cluster.ask('rename', { from: '/none', to: '/some', sequence: 1 }, new FakeConnection(`passing-${at}`)))
  }
  const again = cluster.ask('createObject', { path: '/a', definition: 'std/Merge', sequence: 1 })
  started({})
  expect(await again).toEqual(await asked)
  expect(active.connection.sent(catalogue.startObject)).toHaveLength(1)
  expect(cluster.server.stats().keptAnswers).toBeLessThanOrEqual(10)
})

test('a claim ends with its connection, so a repeat over another one takes a new claim', async () => {
  const cluster = new FakeCluster()
  cluster.joinStorage(4)
  const open = { path: '/f', mode: 'put', sequence: 1 } as const
  const old = new FakeConnection('client')
  const first = await cluster.ask('openWrite', open, old)
  expect(await cluster.ask('openWrite', open, old)).toEqual(first)
  old.close()
  await settle()
  const second = await cluster.ask('openWrite', open, new FakeConnection('client'))
  expect(second.claim).not.toBe(first.claim)
  expect(cluster.server.stats().blocks[0]).toMatchObject({ used: 1, free: 3 })
})

test('a repeated closing commit is answered although the claim has ended', async () => {
  const cluster = new FakeCluster()
  cluster.joinStorage(4)
  const { claim } = await cluster.ask('openWrite', { path: '/f', mode: 'put', sequence: 1 })
  const commit = { claim, size: 3, close: true, sequence: 2 }
  const first = await cluster.ask('commit', commit)
  expect(await cluster.ask('commit', commit, new FakeConnection('client'))).toEqual(first)
})

test('writing over one connection again and again leaves nothing waiting for its end', async () => {
  const cluster = new FakeCluster()
  cluster.joinStorage(4)
  for (let sequence = 1; sequence < 40; sequence += 2) {
    const numbers = { sequence, acknowledged: sequence - 1 }
    const { claim } = await cluster.ask('openWrite', { path: '/f', mode: 'put', ...numbers })
    await cluster.ask('commit', { claim, size: 1, close: true, sequence: sequence + 1 })
  }
  expect(cluster.client.listeners).toBeLessThanOrEqual(1)
  expect(cluster.server.stats().keptAnswers).toBeLessThanOrEqual(2)
})
