import type { ActionNode } from 'glider'
import { beforeAll, describe, expect, it } from 'vitest'
import { failureOf } from './support/failure.ts'
import { freeSpace, itLeavesNothing, makeAction, shareCluster } from './support/shared-cluster.ts'
import { bytesOf, textOf, writeAll } from './support/streams.ts'

const shared = shareCluster({ capacity: '32MiB', slots: 12, threads: 2 })
let gate: ActionNode

beforeAll(async () => {
  await shared.deployFixtures('probes')
  gate = await makeAction(shared.store, '/gate', 'Gate', { interleaved: true })
})

let names = 0
const fresh = (): string => `/a${names++}`
/** Everything that a test made goes with its node. */
const arrived = (name: string, count = 1): Promise<unknown> => gate.call('arrived', { name, count })

describe('errors that nobody catches', () => {
  it('in a timer or a rejection end neither the object nor its thread', async () => {
    await shared.withAction('Careless', {}, async node => {
      expect(await node.call('timer')).toContain('thrown in a timer')
      expect(await node.call('rejection')).toContain('nobody awaits this')
      expect((await node.stat()).object?.state).toBe('live')
    })
  })
})

describe('hooks', () => {
  it('run once each: onCreate first, onDelete last', async () => {
    const { store } = shared
    const node = await makeAction(store, fresh(), 'Notebook', { params: { file: '/events' } })
    await writeAll(node.createWriteStream(), 'x')
    expect(await textOf(node.createReadStream())).toBe('x')
    expect(await node.delete()).toBe(true)
    expect((await store.get('/events')).toString()).toBe('created write read deleted')
    expect(await node.delete()).toBe(false)
    expect((await store.get('/events')).toString()).toBe('created write read deleted')
    await store.delete(node.path)
    await store.delete('/events')
  })

  it('see path and params before their fields are initialised', async () => {
    await shared.withAction('Notebook', { params: { tag: 'from params' } }, async node => {
      expect(await node.call('echo', 1)).toEqual({ tag: 'from params', value: 1 })
    })
    await shared.withAction('Notebook', {}, async node => {
      expect(await node.call('echo', null)).toEqual({ tag: node.path, value: null })
    })
  })

  it('that are not there refuse the stream and leave the object', async () => {
    await shared.withAction('Gate', {}, async node => {
      for (const failed of [bytesOf(node.createReadStream()), writeAll(node.createWriteStream(), 'x')]) {
        expect(await failureOf(failed)).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(node.path) })
      }
      await node.call('open', 'x')
    })
  })
})

describe('an object', () => {
  it('goes from empty to live to empty, and its slot with it', async () => {
    const { store } = shared
    const before = await freeSpace(store)
    const node = await store.create(fresh(), 'action')
    expect((await node.stat()).object).toEqual({ state: 'empty' })
    const refused = [
      node.call('value'),
      bytesOf(node.createReadStream()),
      writeAll(node.createWriteStream(), 'x'),
      node.openWriter(),
    ]
    for (const failure of await Promise.all(refused.map(failureOf))) expect(failure.code).toBe('NO_ACTION_OBJECT')
    await node.create('std/Counter', { interleaved: true })
    expect((await node.stat()).object).toMatchObject({
      state: 'live',
      definition: 'std/Counter',
      interleaved: true,
      server: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    })
    expect((await freeSpace(store)).slots).toBe(before.slots - 1)
    expect(await failureOf(node.create('std/Counter'))).toMatchObject({
      code: 'ALREADY_EXISTS',
      message: expect.stringContaining(node.path),
    })
    expect(await node.delete()).toBe(true)
    expect(await freeSpace(store)).toEqual(before)
    expect((await failureOf(node.call('value'))).code).toBe('NO_ACTION_OBJECT')
    await store.delete(node.path)
  })

  it('that is being created lets streams and calls wait', async () => {
    const { store } = shared
    const node = await store.create(fresh(), 'action')
    const creating = node.create('Waiter', { params: { create: 'creation' } })
    await arrived('creation')
    expect((await node.stat()).object?.state).toBe('creating')
    const order: string[] = []
    const waiting = [
      node.call('quick').then(() => order.push('call')),
      textOf(node.createReadStream()).then(() => order.push('read')),
      writeAll(node.createWriteStream(), 'x').then(() => order.push('write')),
    ]
    const second = failureOf(node.create('Waiter'))
    await store.exists('/')
    expect(order).toEqual([])
    await gate.call('open', 'creation')
    await creating
    await Promise.all(waiting)
    expect((await second).code).toBe('ALREADY_EXISTS')
    expect(order.length).toBe(3)
    await store.delete(node.path)
  })

  it('whose onCreate throws is none, with message and stack told and the slot free', async () => {
    const { store } = shared
    const before = await freeSpace(store)
    const node = await store.create(fresh(), 'action')
    const failure = await failureOf(node.create('Thrower', { params: { at: 'create' } }))
    expect(failure).toMatchObject({ code: 'ACTION_FAILED', message: expect.stringContaining('no room in onCreate') })
    expect(failure.message).toContain(node.path)
    expect(failure.stack).toMatch(/probes\.ts:\d+/)
    expect((await node.stat()).object).toEqual({ state: 'empty' })
    expect(await freeSpace(store)).toEqual(before)
    await node.create('Thrower', { params: { at: 'delete' } })
    expect(await failureOf(node.delete())).toMatchObject({ code: 'ACTION_FAILED', message: expect.stringContaining('onDelete') })
    expect((await node.stat()).object).toEqual({ state: 'empty' })
    expect(await freeSpace(store)).toEqual(before)
    await store.delete(node.path)
  })

  it('needs a free slot', async () => {
    const { store } = shared
    const { slots } = await freeSpace(store)
    const nodes = await Promise.all(Array.from({ length: slots }, () => makeAction(store, fresh(), 'std/Counter')))
    const node = await store.create(fresh(), 'action')
    expect(await failureOf(node.create('std/Counter'))).toMatchObject({
      code: 'NO_SLOT',
      message: expect.stringContaining(node.path),
      retryable: true,
    })
    expect((await node.stat()).object).toEqual({ state: 'empty' })
    await nodes[0]!.delete()
    await node.create('std/Counter')
    // One that is replaced needs none of its own.
    await node.create('std/Counter', { replace: true })
    for (const one of [...nodes, node]) await store.delete(one.path)
    expect((await freeSpace(store)).slots).toBe(slots)
  })

  it('is replaced when asked to, after its own onDelete', async () => {
    const { store } = shared
    const node = await makeAction(store, fresh(), 'Notebook', { params: { file: '/replaced' } })
    await writeAll(node.createWriteStream(), 'old')
    await node.create('Notebook', { replace: true })
    expect((await store.get('/replaced')).toString()).toBe('created write deleted')
    expect(await node.call('text')).toBe('')
    await store.delete(node.path)
    await store.delete('/replaced')
  })

  it('does without a definition that is not there, or params that are too large', async () => {
    const { store } = shared
    const before = await freeSpace(store)
    const node = await store.create(fresh(), 'action')
    expect((await failureOf(node.create('NotThere'))).code).toBe('NOT_FOUND')
    expect((await failureOf(node.create('std/NotThere'))).code).toBe('NOT_FOUND')
    expect((await failureOf(node.create('no/Counter'))).code).toBe('NOT_FOUND')
    expect((await failureOf(node.create('Counter', { params: 'x'.repeat(33 << 10) }))).code).toBe('INVALID_ARGUMENT')
    expect(await freeSpace(store)).toEqual(before)
    await store.delete(node.path)
  })
})

describe('deleting an object', () => {
  it('waits for what has begun, and takes nothing new', async () => {
    await shared.withAction('Waiter', {}, async node => {
      const held = node.call('hold', 'delete-wait')
      const queued = node.call('quick')
      await arrived('delete-wait')
      const deleting = node.delete()
      while ((await node.stat()).object?.state !== 'deleting');
      expect((await failureOf(node.call('quick'))).code).toBe('NO_ACTION_OBJECT')
      expect((await failureOf(writeAll(node.createWriteStream(), 'x'))).code).toBe('NO_ACTION_OBJECT')
      await gate.call('open', 'delete-wait')
      await Promise.all([held, queued])
      expect(await deleting).toBe(true)
      expect((await node.stat()).object).toEqual({ state: 'empty' })
    })
  })

  it('with abort ends streams and calls at once', async () => {
    const { store } = shared
    await shared.withAction('Endless', { interleaved: true }, async node => {
      const reader = node.createReadStream()
      const reading = failureOf(bytesOf(reader))
      const chunk = node.createReadStream()
      await chunk[Symbol.asyncIterator]().next()
      chunk.destroy()
      expect(await node.delete({ mode: 'abort' })).toBe(true)
      expect((await reading).code).toBe('NO_ACTION_OBJECT')
    })
    // The node goes as well: recursive aborts, otherwise it waits.
    const node = await makeAction(store, fresh(), 'Endless', { interleaved: true })
    const reading = failureOf(bytesOf(node.createReadStream()))
    const other = node.createReadStream()
    await other[Symbol.asyncIterator]().next()
    await store.delete(node.path, { recursive: true })
    other.on('error', () => {}).destroy()
    expect((await reading).code).toBe('NO_ACTION_OBJECT')
  })
})

describe('calls', () => {
  it('take one JSON value and give one', async () => {
    await shared.withAction('Notebook', {}, async node => {
      for (const value of [1.5, 'ä🙂', true, null, [1, [2]], { a: { b: null } }, 'x'.repeat(1_000_000)]) {
        expect(await node.call('echo', value)).toEqual({ tag: node.path, value })
      }
      expect(await node.call('echo')).toEqual({ tag: node.path, value: null })
      expect(await node.call('nothing')).toBe(null)
    })
  })

  it('that are not listed, or whose value is no JSON, are INVALID_ARGUMENT', async () => {
    await shared.withAction('Notebook', {}, async node => {
      for (const name of ['unlisted', 'onWrite', 'onCreate', 'constructor', 'toString', 'store', 'tag', '__proto__', '']) {
        expect(await failureOf(node.call(name))).toMatchObject({ code: 'INVALID_ARGUMENT' })
      }
      const circle: { self?: unknown } = {}
      circle.self = circle
      const values = [
        1n,
        circle,
        () => 1,
        Symbol('x'),
        Number.NaN,
        new Map(),
        { deep: [Number.POSITIVE_INFINITY] },
        'x'.repeat(1 << 20),
      ]
      for (const value of values) expect((await failureOf(node.call('echo', value))).code).toBe('INVALID_ARGUMENT')
      expect(await node.call('events')).toEqual(['created'])
    })
  })

  it('that throw, or give what JSON cannot carry, are ACTION_FAILED with message and stack', async () => {
    await shared.withAction('Notebook', {}, async node => {
      const failure = await failureOf(node.call('fail'))
      expect(failure).toMatchObject({ code: 'ACTION_FAILED', message: expect.stringContaining('this call is made to fail') })
      expect(failure.message).toContain(node.path)
      expect(failure.stack).toMatch(/fail.*probes\.ts:\d+/)
      expect((await failureOf(node.call('broken'))).code).toBe('ACTION_FAILED')
      expect(await failureOf(node.call('bigint'))).toMatchObject({
        code: 'ACTION_FAILED',
        message: expect.stringMatching(
          /bigint of \w+ returned what cannot go back as JSON: JSON cannot carry a BigInt.*: return /,
        ),
      })
      expect(await node.call('nothing')).toBe(null)
    })
  })

  it('are cancelled by their signal, and have a deadline only when one is given', async () => {
    await shared.withAction('Waiter', { interleaved: true }, async node => {
      expect((await failureOf(node.call('quick', null, { signal: AbortSignal.abort() }))).code).toBe('CANCELLED')
      const abort = new AbortController()
      const held = failureOf(node.call('hold', 'cancelled', { signal: abort.signal }))
      await arrived('cancelled')
      abort.abort()
      expect((await held).code).toBe('CANCELLED')
      expect((await failureOf(node.call('hold', 'late', { timeoutMs: 100 }))).code).toBe('TIMEOUT')
      await gate.call('open', 'cancelled')
      await gate.call('open', 'late')
      expect(await node.call('quick')).toBe(null)
    })
  })
})

describe('turns', () => {
  it('of a serial action come one after another in order of arrival', async () => {
    await shared.withAction('Waiter', {}, async node => {
      const calls = [node.call('hold', 'serial')]
      await arrived('serial')
      calls.push(node.call('quick'))
      const read = textOf(node.createReadStream())
      await gate.call('open', 'serial')
      await Promise.all([...calls, read])
      const log = (await node.call('lines')) as string[]
      expect(log.slice(0, 2)).toEqual(['hold serial begins', 'hold serial ends'])
      expect(log.slice(2).join()).toMatch(/quick|read begins,read ends/)
      expect(log.indexOf('read ends')).toBe(log.indexOf('read begins') + 1)
    })
  })

  it('of an interleaved action switch where one awaits', async () => {
    await shared.withAction('Waiter', { interleaved: true }, async node => {
      const held = [node.call('hold', 'one'), node.call('hold', 'two')]
      await Promise.all([arrived('one'), arrived('two')])
      await node.call('quick')
      await gate.call('open', 'two')
      await held[1]
      await gate.call('open', 'one')
      await held[0]
      const log = (await node.call('lines')) as string[]
      expect(log.slice(2)).toEqual(['quick', 'hold two ends', 'hold one ends'])
    })
  })

  it('that would wait for themselves are BUSY, directly and through another action', async () => {
    await shared.withAction('Reaches', {}, async one => {
      await shared.withAction('Reaches', {}, async two => {
        const self = { path: one.path, name: 'code' }
        expect(await one.call('code', self)).toMatch(/^BUSY .*\/a\d+/)
        expect(await one.call('call', { path: two.path, name: 'code', value: self })).toMatch(/^BUSY /)
        expect(await failureOf(one.call('write', { path: one.path, text: 'x' }))).toMatchObject({ code: 'ACTION_FAILED' })
        expect((await failureOf(one.call('read', one.path))).message).toContain('BUSY')
        // Afterwards both take turns again.
        const missing = { path: fresh(), name: 'x' }
        expect(await two.call('call', { path: one.path, name: 'code', value: missing })).toMatch(/^NOT_FOUND/)
      })
    })
  })

  it('of an interleaved action may come back to it', async () => {
    await shared.withAction('Reaches', { interleaved: true }, async one => {
      const nested = { path: one.path, name: 'code', value: { path: '/gate', name: 'open', value: 'nested' } }
      expect(await one.call('code', nested)).toBe('OK')
    })
  })
})

describe('this.store', () => {
  it('reads and writes files and other actions', async () => {
    const { store } = shared
    await shared.withAction('Reaches', {}, async node => {
      await store.put('/from', 'quiet')
      await node.call('copy', { from: '/from', to: '/to' })
      expect((await store.get('/to')).toString()).toBe('QUIET')
      await shared.withAction('Notebook', {}, async notes => {
        await node.call('write', { path: notes.path, text: 'from an action' })
        expect(await node.call('read', notes.path)).toBe('from an action')
        expect(await node.call('call', { path: notes.path, name: 'text' })).toBe('from an action')
      })
      expect((await failureOf(node.call('copy', { from: '/missing', to: '/to' }))).message).toContain('/missing')
      await store.delete('/from')
      await store.delete('/to')
    })
  })
})

describe('a lost thread', () => {
  it('takes its objects with it, frees their slots, and another takes its place', async () => {
    const { store } = shared
    const before = await freeSpace(store)
    const node = await makeAction(store, fresh(), 'Exits')
    const failure = await failureOf(node.call('exit'))
    expect(['ACTION_LOST', 'UNAVAILABLE']).toContain(failure.code)
    while ((await node.stat()).object?.state !== 'lost');
    const refused = [
      node.call('exit'),
      bytesOf(node.createReadStream()),
      writeAll(node.createWriteStream(), 'x'),
      node.openWriter(),
    ]
    for (const refusal of await Promise.all(refused.map(failureOf))) {
      expect(refusal).toMatchObject({ code: 'ACTION_LOST', message: expect.stringContaining(node.path) })
    }
    // Without `replace`, since nothing is there to be replaced.
    await node.create('Exits')
    expect((await failureOf(writeAll(node.createWriteStream(), 'x'))).code).toBe('ACTION_LOST')
    while ((await node.stat()).object?.state !== 'lost');
    expect(await node.delete()).toBe(true)
    expect((await node.stat()).object).toEqual({ state: 'empty' })
    await store.delete(node.path)
    // The gate may have been on one of the threads.
    await gate.create('Gate', { interleaved: true, replace: true })
    expect(await freeSpace(store)).toEqual(before)
  })
})

itLeavesNothing(shared)
