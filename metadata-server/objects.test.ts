import { expect, test } from 'vitest'
import { catalogue } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { readLocation, verifyProof } from '../protocol/location.ts'
import { codeOf, FakeCluster, FakeConnection, type FakeServer, messageOf, settle } from './fakes.test.helper.ts'

/** An answer that is given later. */
function later() {
  let resolve: (value: object) => void = () => {}
  let reject: (error: Error) => void = () => {}
  const promise = new Promise<object>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve: () => resolve({}), reject }
}

async function withNode(slots = 2) {
  const cluster = new FakeCluster()
  const active = cluster.joinActive(slots)
  await cluster.ask('create', { path: '/a', type: 'action' })
  return { cluster, active }
}

const merge = { path: '/a', definition: 'std/Merge' }

function used(cluster: FakeCluster): number {
  return cluster.server.stats().slots.used
}

async function state(cluster: FakeCluster, path = '/a') {
  return (await cluster.ask('stat', { path })).object?.state
}

test('an object is created in a slot of an active server, opened by a proof, and deleted', async () => {
  const { cluster, active } = await withNode()
  expect(await state(cluster)).toBe('empty')
  expect(await codeOf(cluster.ask('openObject', { path: '/a' }))).toBe('NO_ACTION_OBJECT')
  const info = await cluster.ask('createObject', { ...merge, params: { x: 1 }, interleaved: true })
  const { address } = active.head
  expect(info.object).toEqual({ state: 'live', definition: 'std/Merge', version: 'v1', interleaved: true, server: address })
  const [start] = active.connection.sent(catalogue.startObject)
  expect(start).toMatchObject({ path: '/a', bundle: 'std', class: 'Merge', version: 'v1', interleaved: true, params: { x: 1 } })
  const opened = await cluster.ask('openObject', { path: '/a' })
  expect(opened).toMatchObject({ path: '/a', address })
  const location = readLocation(Buffer.from(opened.location, 'base64url'))
  verifyProof(location, Buffer.from(active.head.proofKey, 'base64url'))
  expect(location).toMatchObject({
    purpose: 'action',
    block: start?.slot,
    generation: { epoch: start?.epoch, counter: start?.counter },
  })
  expect(used(cluster)).toBe(1)
  expect(await codeOf(cluster.ask('createObject', merge))).toBe('ALREADY_EXISTS')
  expect(await cluster.ask('deleteObject', { path: '/a' })).toEqual({ deleted: true })
  expect(await cluster.ask('deleteObject', { path: '/a' })).toEqual({ deleted: false })
  expect(used(cluster)).toBe(0)
})

test('a throw in onCreate leaves the node empty and the slot free', async () => {
  const { cluster, active } = await withNode()
  active.connection.respond(catalogue.startObject, () => {
    throw new GliderError('ACTION_FAILED', 'onCreate threw')
  })
  expect(await codeOf(cluster.ask('createObject', merge))).toBe('ACTION_FAILED')
  expect(await state(cluster)).toBe('empty')
  expect(used(cluster)).toBe(0)
})

test('streams wait while an object is being created', async () => {
  const { cluster, active } = await withNode()
  const started = later()
  active.connection.respond(catalogue.startObject, () => started.promise)
  const creating = cluster.ask('createObject', merge)
  const second = codeOf(cluster.ask('createObject', merge))
  const opening = cluster.ask('openObject', { path: '/a' })
  await settle()
  expect(await state(cluster)).toBe('creating')
  started.resolve()
  await creating
  expect((await opening).path).toBe('/a')
  expect(await second).toBe('ALREADY_EXISTS')
})

test('while an object is being deleted there is none, and a new one can be made after it', async () => {
  const { cluster, active } = await withNode(1)
  await cluster.ask('createObject', merge)
  const stopped = later()
  active.connection.respond(catalogue.stopObject, () => stopped.promise)
  const deleting = cluster.ask('deleteObject', { path: '/a' })
  const again = [cluster.ask('createObject', merge), codeOf(cluster.ask('createObject', merge))]
  await settle()
  expect(await state(cluster)).toBe('deleting')
  expect(await codeOf(cluster.ask('openObject', { path: '/a' }))).toBe('NO_ACTION_OBJECT')
  stopped.resolve()
  expect(await deleting).toEqual({ deleted: true })
  await again[0]
  expect(await again[1]).toBe('ALREADY_EXISTS')
  expect(active.connection.sent(catalogue.startObject)).toHaveLength(2)
  expect(used(cluster)).toBe(1)
})

test('replace deletes the object that is there first, even if its onDelete throws', async () => {
  const { cluster, active } = await withNode(1)
  await cluster.ask('createObject', merge)
  active.connection.respond(catalogue.stopObject, () => {
    throw new GliderError('ACTION_FAILED', 'onDelete threw')
  })
  expect((await cluster.ask('createObject', { ...merge, replace: true })).object?.state).toBe('live')
  expect(active.connection.requests.map(({ name }) => name)).toEqual(['startObject', 'stopObject', 'startObject'])
  expect(used(cluster)).toBe(1)
})

test('an onDelete that throws is passed on, with the object gone', async () => {
  const { cluster, active } = await withNode(1)
  await cluster.ask('createObject', merge)
  active.connection.respond(catalogue.stopObject, () => {
    throw new GliderError('ACTION_FAILED', 'onDelete threw')
  })
  expect(await codeOf(cluster.ask('deleteObject', { path: '/a' }))).toBe('ACTION_FAILED')
  expect(await state(cluster)).toBe('empty')
  expect(used(cluster)).toBe(0)
})

/** By which it is known which object of a slot is meant. */
function idOf({ slot, epoch, counter }: { slot: number; epoch: number; counter: number }) {
  return { slot, epoch, counter }
}

test('slots go round the active servers, and NO_SLOT changes nothing', async () => {
  const { cluster } = await withNode(1)
  cluster.joinActive(1)
  const servers = []
  for (const path of ['/b', '/c', '/d']) await cluster.ask('create', { path, type: 'action' })
  for (const path of ['/b', '/c']) servers.push((await cluster.ask('createObject', { ...merge, path })).object?.server)
  expect(new Set(servers).size).toBe(2)
  expect(await codeOf(cluster.ask('createObject', { ...merge, path: '/d' }))).toBe('NO_SLOT')
  expect(await state(cluster, '/d')).toBe('empty')
})

test('the checks come before the slot: node, type, definition', async () => {
  const { cluster } = await withNode()
  await cluster.ask('create', { path: '/f', type: 'file' })
  expect(await codeOf(cluster.ask('createObject', { ...merge, path: '/none' }))).toBe('NOT_FOUND')
  expect(await codeOf(cluster.ask('createObject', { ...merge, path: '/f' }))).toBe('TYPE_MISMATCH')
  expect(await codeOf(cluster.ask('createObject', { path: '/a', definition: 'std/None' }))).toBe('NOT_FOUND')
  expect(await codeOf(cluster.ask('createObject', { ...merge, params: 'x'.repeat(40_000) }))).toBe('INVALID_ARGUMENT')
  const deep: unknown = JSON.parse(`${'['.repeat(1_000)}${']'.repeat(1_000)}`)
  expect(await codeOf(cluster.ask('createObject', { ...merge, params: deep }))).toBe('INVALID_ARGUMENT')
  expect(used(cluster)).toBe(0)
})

test('objects of a thread that went down are lost and their slots free; they can be deleted or made again', async () => {
  const { cluster, active } = await withNode(1)
  const lose = () => {
    const objects = active.connection.sent(catalogue.startObject).slice(-1).map(idOf)
    return cluster.ask('objectsLost', { incarnation: active.head.incarnation, objects, cause: 'its thread ran out of memory' })
  }
  await cluster.ask('createObject', merge)
  await lose()
  expect(await state(cluster)).toBe('lost')
  expect(used(cluster)).toBe(0)
  expect(await messageOf(cluster.ask('openObject', { path: '/a' }))).toMatch(/\/a.*out of memory/)
  expect(await codeOf(cluster.ask('openObject', { path: '/a' }))).toBe('ACTION_LOST')
  await cluster.ask('createObject', merge)
  await lose()
  expect(await cluster.ask('deleteObject', { path: '/a' })).toEqual({ deleted: true })
  expect(await state(cluster)).toBe('empty')
})

test('what is told late of an object that was lost does not touch the next one in its slot', async () => {
  const { cluster, active } = await withNode(1)
  await cluster.ask('createObject', merge)
  await cluster.ask('deleteObject', { path: '/a' })
  await cluster.ask('createObject', merge)
  const [first, second] = active.connection.sent(catalogue.startObject).map(idOf)
  expect(second!.slot).toBe(first!.slot)
  await cluster.ask('objectsLost', { incarnation: active.head.incarnation, objects: [first!], cause: 'told late' })
  expect(await state(cluster)).toBe('live')
})

test('an object whose thread goes down right after it was made is lost', async () => {
  const { cluster, active } = await withNode(1)
  active.connection.respond(catalogue.startObject, head => {
    void cluster.ask('objectsLost', { incarnation: active.head.incarnation, objects: [idOf(head)], cause: 'gone' })
    return {}
  })
  expect(await codeOf(cluster.ask('createObject', merge))).toBe('ACTION_LOST')
  expect(await state(cluster)).toBe('lost')
  expect(used(cluster)).toBe(0)
})

test('objects of a dead server are lost, and it starts over when it comes back', async () => {
  const { cluster, active } = await withNode(1)
  await cluster.ask('createObject', merge)
  await cluster.clock.advance(6000)
  expect(await codeOf(cluster.ask('openObject', { path: '/a' }))).toBe('ACTION_LOST')
  expect(await codeOf(cluster.ask('createObject', merge))).toBe('NO_SLOT')
  expect(cluster.register(active.head, new FakeConnection('back')).known).toBe(false)
  expect((await cluster.ask('createObject', merge)).object?.state).toBe('live')
  expect(used(cluster)).toBe(1)
})

/** Loses the connection in the middle of what `operation` does. */
async function loseDuring(
  cluster: FakeCluster,
  active: FakeServer,
  operation: 'startObject' | 'stopObject',
  ask: () => Promise<unknown>,
) {
  active.connection.respond(catalogue[operation] as typeof catalogue.stopObject, () => later().promise)
  const code = codeOf(ask())
  await settle()
  active.connection.close()
  return code
}

for (const operation of ['startObject', 'stopObject'] as const) {
  test(`a connection lost during ${operation} is UNAVAILABLE, and its slot free only when the server has cleared it`, async () => {
    const { cluster, active } = await withNode(1)
    if (operation === 'stopObject') await cluster.ask('createObject', merge)
    const ask = () =>
      operation === 'startObject' ? cluster.ask('createObject', merge) : cluster.ask('deleteObject', { path: '/a' })
    expect(await loseDuring(cluster, active, operation, ask)).toBe('UNAVAILABLE')
    expect(await state(cluster)).toBe('empty')
    expect(used(cluster)).toBe(1)
    const back = new FakeConnection('back')
    expect(cluster.register(active.head, back).known).toBe(true)
    await settle()
    expect(back.sent(catalogue.stopObject)).toMatchObject([{ slot: 0, mode: 'abort' }])
    expect(used(cluster)).toBe(0)
    expect(cluster.server.stats().slots.free).toBe(1)
  })
}

test('a slot held by a server that does not come back goes with it', async () => {
  const { cluster, active } = await withNode(1)
  expect(await loseDuring(cluster, active, 'startObject', () => cluster.ask('createObject', merge))).toBe('UNAVAILABLE')
  expect(await codeOf(cluster.ask('createObject', merge))).toBe('NO_SLOT')
  await cluster.clock.advance(6000)
  expect(cluster.server.stats().slots).toEqual({ used: 0, free: 0 })
})

test('deleting a node detaches it at once and answers when its object is gone', async () => {
  const { cluster, active } = await withNode(1)
  await cluster.ask('createObject', merge)
  const stopped = later()
  active.connection.respond(catalogue.stopObject, () => stopped.promise)
  let answered = false
  const deletion = cluster.ask('delete', { path: '/a' }).finally(() => {
    answered = true
  })
  await settle()
  expect(await cluster.ask('exists', { path: '/a' })).toEqual({ exists: false })
  expect(answered).toBe(false)
  expect(active.connection.sent(catalogue.stopObject)).toMatchObject([{ mode: 'wait' }])
  stopped.reject(new GliderError('ACTION_FAILED', 'onDelete threw'))
  expect(await deletion).toEqual({ deleted: true })
  expect(used(cluster)).toBe(0)
})

test('a recursive deletion aborts the objects below', async () => {
  const { cluster, active } = await withNode(2)
  for (const path of ['/d/x', '/d/y']) {
    await cluster.ask('create', { path, type: 'action', parents: true })
    await cluster.ask('createObject', { ...merge, path })
  }
  expect(await cluster.ask('delete', { path: '/d', recursive: true })).toEqual({ deleted: true })
  expect(active.connection.sent(catalogue.stopObject).map(({ mode }) => mode)).toEqual(['abort', 'abort'])
  expect(used(cluster)).toBe(0)
})

test('a node deleted while its object is being created leaves no object', async () => {
  const { cluster, active } = await withNode(1)
  const started = later()
  active.connection.respond(catalogue.startObject, () => started.promise)
  const creating = codeOf(cluster.ask('createObject', merge))
  const waiting = codeOf(cluster.ask('createObject', { ...merge, replace: true }))
  await settle()
  const deletion = cluster.ask('delete', { path: '/a' })
  started.resolve()
  expect(await deletion).toEqual({ deleted: true })
  expect(await creating).toBe('NOT_FOUND')
  expect(await waiting).toBe('NOT_FOUND')
  expect(used(cluster)).toBe(0)
})

test('a deletion waits while the server is away, and keeps the slot until it is back', async () => {
  const { cluster, active } = await withNode(1)
  await cluster.ask('createObject', merge)
  active.connection.close()
  const deletion = cluster.ask('delete', { path: '/a' })
  await settle()
  expect(await cluster.ask('exists', { path: '/a' })).toEqual({ exists: false })
  expect(used(cluster)).toBe(1)
  const back = new FakeConnection('back')
  cluster.register(active.head, back)
  expect(await deletion).toEqual({ deleted: true })
  expect(back.sent(catalogue.stopObject)).toHaveLength(1)
  expect(used(cluster)).toBe(0)
})

test('a deletion ends when the server that is away is dead', async () => {
  const { cluster, active } = await withNode(1)
  await cluster.ask('createObject', merge)
  active.connection.close()
  const deletion = cluster.ask('deleteObject', { path: '/a' })
  await cluster.clock.advance(6000)
  expect(await deletion).toEqual({ deleted: true })
  expect(await state(cluster)).toBe('empty')
})

test('a creation waits for a server that is away, and finds no slot once it is dead', async () => {
  const { cluster, active } = await withNode(1)
  active.connection.close()
  const creation = cluster.ask('createObject', merge)
  await settle()
  cluster.register(active.head, new FakeConnection('back'))
  expect((await creation).object?.state).toBe('live')
  await cluster.ask('deleteObject', { path: '/a' })
  const last = new FakeConnection('last')
  cluster.register(active.head, last)
  last.close()
  const late = codeOf(cluster.ask('createObject', merge))
  await cluster.clock.advance(6000)
  expect(await late).toBe('NO_SLOT')
})

test('a slot that is cleared twice is free once', async () => {
  const { cluster, active } = await withNode(2)
  expect(await loseDuring(cluster, active, 'startObject', () => cluster.ask('createObject', merge))).toBe('UNAVAILABLE')
  const back = new FakeConnection('back')
  cluster.register(active.head, back)
  cluster.register(active.head, back)
  await settle()
  expect(back.sent(catalogue.stopObject)).toHaveLength(2)
  expect(cluster.server.stats().slots).toEqual({ used: 0, free: 2 })
})

const sized = (config: object) => ({ name: 'std', version: 'v1', classes: [{ name: 'Merge', calls: [], ...config }] })

test('what the class says goes to the server, and its creator has the last word', async () => {
  const cluster = new FakeCluster()
  const builtin = [sized({ interleaved: true, turnTimeoutMs: 500, memoryBytes: 7 })]
  const { connection } = cluster.joinActive(2, { builtin })
  for (const path of ['/a', '/b']) await cluster.ask('create', { path, type: 'action' })
  expect((await cluster.ask('createObject', merge)).object).toMatchObject({ interleaved: true })
  expect((await cluster.ask('createObject', { ...merge, path: '/b', interleaved: false })).object?.interleaved).toBe(false)
  expect(connection.sent(catalogue.startObject)).toMatchObject([
    { path: '/a', interleaved: true, turnTimeoutMs: 500, memoryBytes: 7 },
    { path: '/b', interleaved: false },
  ])
})

test('where one server has no thread with the memory, the others are asked, and who waits for the object goes on waiting', async () => {
  const { cluster, active } = await withNode()
  const other = cluster.joinActive(2)
  const full = (): Promise<object> => Promise.reject(new GliderError('NO_SLOT', 'no thread has it left'))
  const started = later()
  active.connection.respond(catalogue.startObject, full)
  other.connection.respond(catalogue.startObject, () => started.promise)
  const created = cluster.ask('createObject', merge)
  const opened = cluster.ask('openObject', { path: '/a' })
  await settle()
  started.resolve()
  expect((await created).object?.server).toBe(other.head.address)
  expect((await opened).address).toBe(other.head.address)
  expect(used(cluster)).toBe(1)
  other.connection.respond(catalogue.startObject, full)
  await cluster.ask('create', { path: '/b', type: 'action' })
  expect(await messageOf(cluster.ask('createObject', { ...merge, path: '/b' }))).toContain('no thread has it left')
  expect(await state(cluster, '/b')).toBe('empty')
  expect(used(cluster)).toBe(1)
})

test('an object that would wait for itself is BUSY before anything changes, and its chain goes along', async () => {
  const { cluster, active } = await withNode()
  await cluster.ask('createObject', { ...merge, chain: ['somebody'] })
  const [start] = active.connection.sent(catalogue.startObject)
  expect(start?.chain).toEqual(['somebody'])
  const chain = [`${active.head.incarnation}.${start?.slot}.${start?.epoch}.${start?.counter}`]
  for (const run of [
    cluster.ask('deleteObject', { path: '/a', chain }),
    cluster.ask('createObject', { ...merge, replace: true, chain }),
    cluster.ask('delete', { path: '/a', chain }),
    cluster.ask('create', { path: '/a', type: 'action', ifExists: 'replace', chain }),
  ]) {
    expect(await codeOf(run)).toBe('BUSY')
  }
  expect(await state(cluster)).toBe('live')
  expect(active.connection.sent(catalogue.stopObject)).toEqual([])
  expect(await cluster.ask('deleteObject', { path: '/a', chain: ['somebody'] })).toEqual({ deleted: true })
  expect(active.connection.sent(catalogue.stopObject)).toMatchObject([{ mode: 'wait', chain: ['somebody'] }])
})

test('the operation goes along to the server of the object, and is logged', async () => {
  const { cluster, active } = await withNode()
  await cluster.ask('createObject', { ...merge, operation: 'c-1' })
  expect(active.connection.sent(catalogue.startObject)).toMatchObject([{ operation: 'c-1' }])
  await cluster.ask('deleteObject', { path: '/a', operation: 'c-2' })
  expect(active.connection.sent(catalogue.stopObject)).toMatchObject([{ mode: 'wait', operation: 'c-2' }])
  await cluster.ask('createObject', merge)
  await cluster.ask('delete', { path: '/a', operation: 'c-3' })
  expect(active.connection.sent(catalogue.stopObject)[1]).toMatchObject({ operation: 'c-3' })
  expect(cluster.logged.filter(message => catalogue[message as keyof typeof catalogue])).toEqual([
    'createObject',
    'deleteObject',
    'delete',
  ])
})
