import type { ActionNode } from 'glider'
import { describe, expect, it } from 'vitest'
import { failureOf } from '../support/failure.ts'
import { ended, textOf, writeAll } from '../support/streams.ts'
import { deployActions } from './support/actions.ts'
import { openDeployment } from './support/deployment.ts'

const deployment = openDeployment()
const actions = deployActions(deployment)

const eventsOf = async (node: ActionNode): Promise<string[]> => (await node.call('events')) as string[]

describe('a serial action', () => {
  it('starts onWrite of a stream only when that of the stream before has returned', async () => {
    const gate = await actions.gate()
    const node = await actions.make('Ledger', { params: { gate: gate.path } })
    const held = writeAll(node.createWriteStream(), 'held')
    await gate.arrived('held')
    const others = ['second', 'third'].map(name => writeAll(node.createWriteStream(), name))
    const other = await deployment.connect()
    const fromElsewhere = writeAll((await other.lookup(node.path, 'action')).createWriteStream(), 'elsewhere')
    await deployment.store.stat(node.path)
    await gate.open('held')
    await Promise.all([held, ...others, fromElsewhere])
    const events = await eventsOf(node)
    expect(events.filter((_, i) => i % 2 === 0)).toEqual(Array(4).fill('begin'))
    expect(events[1]).toBe('end held')
    expect(events.indexOf('end second')).toBeLessThan(events.indexOf('end third'))
  })

  it('takes a thousand streams in the order in which they were opened', { timeout: 60_000 }, async () => {
    const gate = await actions.gate()
    const node = await actions.make('Ledger', { params: { gate: gate.path } })
    const held = writeAll(node.createWriteStream(), 'held')
    await gate.arrived('held')
    const streams = Array.from({ length: 1000 }, () => node.createWriteStream())
    // The last to be opened is the first that is written to, and to end.
    const ends = streams.map((stream, i) => [stream, i] as const).reverse()
    const all = ends.map(([stream, i]) => {
      stream.write(`${i}`)
      return ended(stream)
    })
    await gate.open('held')
    await Promise.all([held, ...all])
    const named = (await eventsOf(node)).filter(event => event !== 'begin').slice(1)
    expect(named).toEqual(streams.map((_, i) => `end ${i}`))
  })

  it('runs calls and streams by the same order of arrival', async () => {
    const gate = await actions.gate()
    const node = await actions.make('Ledger', { params: { gate: gate.path } })
    const first = node.call('hold', 'a call')
    await gate.arrived('a call')
    const held = writeAll(node.createWriteStream(), 'held stream')
    const second = node.call('note', 'behind')
    await gate.open('a call')
    await first
    await gate.arrived('held stream')
    const third = node.call('note', 'last')
    await gate.open('held stream')
    await Promise.all([held, second, third])
    const events = await eventsOf(node)
    expect(events.slice(0, 2)).toEqual(['begin', 'end a call'])
    // Between begin and end of a stream there is no call.
    expect(events.indexOf('end held stream') - events.indexOf('begin', 2)).toBe(1)
    expect(events.at(-1)).toBe('note last')
  })

  it('that opens a stream on itself, or calls itself, is BUSY at once', async () => {
    const node = await actions.make('Reaches')
    for (const how of ['write', 'read', 'direct']) expect([how, await node.call(how, node.path)]).toEqual([how, 'BUSY'])
    expect(await node.call('call', [node.path])).toBe('BUSY')
    await writeAll(node.createWriteStream(), 'it takes turns as before')
  })

  it('that is reached again through others is BUSY', async () => {
    const [one, two, three] = await Promise.all([1, 2, 3].map(() => actions.make('Reaches')))
    expect(await one!.call('call', [two!.path, three!.path, one!.path])).toBe('BUSY')
    expect(await one!.call('call', [two!.path, three!.path])).toBe('BUSY')
    for (const node of [one!, two!, three!]) await writeAll(node.createWriteStream(), 'free')
    expect(await one!.call('write', two!.path)).toBe('done')
  })
})

describe('an interleaved action', () => {
  it('goes on with many streams in turns, never two in one turn, while they await the store', async () => {
    const file = `${await deployment.directory()}/file`
    await deployment.store.put(file, 'something to wait for')
    const node = await actions.make('InStep', { interleaved: true, params: { streams: 20, file } })
    const lines = Array.from({ length: 10 }, (_, i) => `line ${i}\n`)
    await Promise.all(Array.from({ length: 20 }, () => writeAll(node.createWriteStream(), ...lines)))
    expect(await node.call('seen')).toEqual({ overlaps: 0, turns: 20 * 10 * 2 })
  })

  it('lets a call wait for another: a barrier of ten callers', async () => {
    const node = await actions.make('InStep', { interleaved: true, params: { streams: 10, file: '' } })
    const callers = await Promise.all(Array.from({ length: 5 }, () => deployment.connect()))
    const nodes = await Promise.all(callers.map(store => store.lookup(node.path, 'action')))
    const answers = await Promise.all([...nodes, ...nodes].map(one => one.call('arrive', 'barrier')))
    expect(answers).toEqual(Array(10).fill(10))
  })

  it('lets calls and reads pass a stream that waits', async () => {
    const gate = await actions.gate()
    const node = await actions.make('Ledger', { interleaved: true, params: { gate: gate.path } })
    const held = writeAll(node.createWriteStream(), 'held')
    await gate.arrived('held')
    await node.call('note', 'passes')
    expect(await textOf(node.createReadStream())).toBe('begin\nnote passes\nbegin')
    await gate.open('held')
    await held
    expect((await eventsOf(node)).at(-1)).toBe('end held')
  })

  it('may reach itself', async () => {
    const node = await actions.make('Reaches', { interleaved: true })
    for (const how of ['write', 'read', 'direct']) expect(await node.call(how, node.path)).toBe('done')
    expect(await node.call('call', [node.path, node.path])).toBe('done')
  })
})

describe('a call', () => {
  it('of a name that is not listed, or of a value that is no JSON, is INVALID_ARGUMENT and runs nothing', async () => {
    const node = await actions.make('Ledger')
    for (const name of ['hidden', 'onWrite', 'onCreate', 'onDelete', 'constructor', 'toString', '__proto__', 'store', '']) {
      const failure = await failureOf(node.call(name))
      expect([name, failure.code]).toEqual([name, 'INVALID_ARGUMENT'])
    }
    for (const value of [1n, Number.NaN, () => 1, Symbol('no'), new Map(), { deep: [undefined, 1n] }]) {
      expect((await failureOf(node.call('note', value))).code).toBe('INVALID_ARGUMENT')
    }
    expect(await eventsOf(node)).toEqual([])
  })

  it('that throws is ACTION_FAILED with message and line, and harms nothing', async () => {
    const node = await actions.make('Ledger')
    const failure = await failureOf(node.call('throws'))
    expect(failure).toMatchObject({ code: 'ACTION_FAILED', message: expect.stringContaining('this call is made to throw') })
    expect(failure.message).toContain(node.path)
    expect(failure.stack).toMatch(/throws.*conforming\.ts:\d+:\d+/)
    await node.call('note', 'fine')
    expect(await eventsOf(node)).toEqual(['note fine'])
  })

  it('has null for undefined both ways', async () => {
    const node = await actions.make('Ledger')
    expect(await node.call('note')).toBe(null)
    expect(await eventsOf(node)).toEqual(['note null'])
  })
})
