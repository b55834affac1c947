import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { codeOf, failureOf } from '../support/failure.ts'
import { bytesOf, textOf, writeAll } from '../support/streams.ts'
import { deployActions } from './support/actions.ts'
import { openDeployment } from './support/deployment.ts'

const deployment = openDeployment()
const actions = deployActions(deployment)

const emptyNode = async () => deployment.store.create(`${await deployment.directory()}/action`, 'action')

describe('an action node', () => {
  it('without an object refuses streams and calls', async () => {
    const node = await emptyNode()
    expect((await node.stat()).object).toEqual({ state: 'empty' })
    const refused = [
      node.call('word'),
      bytesOf(node.createReadStream()),
      writeAll(node.createWriteStream(), 'x'),
      node.openWriter(),
      node.openReader(),
    ]
    expect(await Promise.all(refused.map(codeOf))).toEqual(Array(5).fill('NO_ACTION_OBJECT'))
    expect(await node.delete()).toBe(false)
  })

  it('whose onCreate throws has no object, and may try again', async () => {
    const node = await emptyNode()
    const failure = await failureOf(node.create(`${actions.bundle}/Throws`, { params: { at: 'create' } }))
    expect(failure).toMatchObject({ code: 'ACTION_FAILED', message: expect.stringContaining('onCreate does not want to') })
    expect(failure.stack).toMatch(/conforming\.ts:\d+:\d+/)
    expect((await node.stat()).object).toEqual({ state: 'empty' })
    expect(await codeOf(node.call('fine'))).toBe('NO_ACTION_OBJECT')
    await node.create(`${actions.bundle}/Throws`)
    expect(await node.call('fine')).toBe('fine')
  })

  it('whose object is being created lets streams and calls wait', async () => {
    const gate = await actions.gate()
    const node = await emptyNode()
    const params = { gate: gate.path, create: 'creation', word: 'made' }
    const creating = node.create(`${actions.bundle}/Lives`, { params })
    await gate.arrived('creation')
    expect((await node.stat()).object?.state).toBe('creating')
    const waiting = [node.call('word'), textOf(node.createReadStream())]
    let settled = 0
    for (const one of [creating, ...waiting]) void one.then(() => settled++)
    await deployment.store.stat(node.path)
    expect(settled).toBe(0)
    await gate.open('creation')
    await creating
    expect(await Promise.all(waiting)).toEqual(['made', 'made'])
  })

  it('takes a definition that is there, and params up to their limit', async () => {
    const node = await emptyNode()
    for (const definition of ['no/Such', `${actions.bundle}/Such`, `${actions.bundle}/NotGiven`, `${actions.bundle}/`]) {
      expect([definition, await codeOf(node.create(definition))]).toEqual([definition, 'NOT_FOUND'])
    }
    expect(await codeOf(node.create('std/Counter', { params: 'x'.repeat(33 << 10) }))).toBe('INVALID_ARGUMENT')
    expect((await node.stat()).object).toEqual({ state: 'empty' })
  })
})

describe('an object', () => {
  it('has path and params before its fields are initialised', async () => {
    const node = await actions.make('Lives')
    expect(await node.call('word')).toBe(`no word at ${node.path}`)
    const other = await actions.make('Lives', { params: { word: 'ä' } })
    expect(await other.call('word')).toBe('ä')
  })

  it('that lives is not made twice, unless it is to be replaced: by another definition, or with other params', async () => {
    const diary = `${await deployment.directory()}/diary`
    const node = await actions.make('Lives', { params: { word: 'one', diary } })
    expect(await failureOf(node.create(`${actions.bundle}/Lives`))).toMatchObject({
      code: 'ALREADY_EXISTS',
      message: expect.stringContaining(node.path),
    })
    expect(await node.call('word')).toBe('one')
    await node.create(`${actions.bundle}/Lives`, { replace: true, params: { word: 'two' } })
    expect((await deployment.store.get(diary)).toString()).toBe('created\ndeleted, aborted false')
    expect(await node.call('word')).toBe('two')
    await node.create('std/Counter', { replace: true, interleaved: true })
    expect(await codeOf(node.call('word'))).toBe('INVALID_ARGUMENT')
    expect((await node.stat()).object).toMatchObject({ state: 'live', definition: 'std/Counter', interleaved: true })
    expect(await node.delete()).toBe(true)
    await node.create(`${actions.bundle}/Lives`, { params: { word: 'four' } })
    expect(await node.call('word')).toBe('four')
  })

  it('that is replaced by what is not there stays', async () => {
    const node = await actions.make('Lives', { params: { word: 'stays' } })
    expect(await codeOf(node.create('no/Such', { replace: true }))).toBe('NOT_FOUND')
    expect(await node.call('word')).toBe('stays')
  })

  it('whose onDelete throws is gone, and whoever has deleted it is told', async () => {
    const node = await actions.make('Throws', { params: { at: 'delete' } })
    expect(await failureOf(node.delete())).toMatchObject({
      code: 'ACTION_FAILED',
      message: expect.stringContaining('onDelete does not want to'),
    })
    expect((await node.stat()).object).toEqual({ state: 'empty' })
  })
})

describe('deleting an object', () => {
  it('waits for what runs and what waits, takes nothing new, and runs onDelete once, after all', async () => {
    const gate = await actions.gate()
    const diary = `${await deployment.directory()}/diary`
    const node = await actions.make('Lives', { params: { gate: gate.path, write: 'writing', diary } })
    const running = writeAll(node.createWriteStream(), 'x')
    await gate.arrived('writing')
    // Whether they are there before the deletion nobody can see; what matters is that each has its turn or a clear refusal.
    const waiting = Promise.allSettled([writeAll(node.createWriteStream(), 'x'), node.call('word')])
    await deployment.store.stat(node.path)
    const deleting = node.delete()
    while ((await node.stat()).object?.state !== 'deleting');
    expect(await codeOf(node.call('word'))).toBe('NO_ACTION_OBJECT')
    expect(await codeOf(bytesOf(node.createReadStream()))).toBe('NO_ACTION_OBJECT')
    await gate.open('writing')
    expect(await deleting).toBe(true)
    await running
    const outcomes = await waiting
    for (const one of outcomes) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'NO_ACTION_OBJECT' })
    const second = outcomes[0].status === 'fulfilled' ? ['write', 'written'] : []
    const events = (await deployment.store.get(diary)).toString().split('\n')
    expect(events).toEqual(['created', 'write', 'written', ...second, 'deleted, aborted false'])
    expect(await node.delete()).toBe(false)
  })

  it('with abort ends what runs and what waits, and fires the signal', async () => {
    const gate = await actions.gate()
    const diary = `${await deployment.directory()}/diary`
    const node = await actions.make('Lives', { params: { gate: gate.path, diary } })
    await gate.open('called')
    const running = node.call('aborted')
    await gate.arrived('called')
    const waiting = failureOf(bytesOf(node.createReadStream()))
    await deployment.store.stat(node.path)
    expect(await node.delete({ mode: 'abort' })).toBe(true)
    expect(await running).toBe('it was to end')
    expect((await waiting).code).toBe('NO_ACTION_OBJECT')
    expect((await deployment.store.get(diary)).toString()).toBe('created\ncall\ndeleted, aborted true')
    await node.create('std/Counter')
  })

  it('comes with deleting its node, as abort when that is recursive', async () => {
    for (const recursive of [false, true]) {
      const diary = `${await deployment.directory()}/diary`
      const node = await actions.make('Lives', { params: { diary } })
      await deployment.store.delete(node.path, { recursive })
      while (!(await deployment.store.exists(diary)));
      expect((await deployment.store.get(diary)).toString()).toBe(`created\ndeleted, aborted ${recursive}`)
    }
  })

  it('ends an endless read', async () => {
    const node = await actions.make('Endings', { interleaved: true })
    const reader = node.createReadStream()
    await once(reader, 'readable')
    const reading = failureOf(bytesOf(reader))
    expect(await node.delete({ mode: 'abort' })).toBe(true)
    expect((await reading).code).toBe('NO_ACTION_OBJECT')
  })
})
