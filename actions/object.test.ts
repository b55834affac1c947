import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GliderError } from '../protocol/errors.ts'
import type { Origin } from '../protocol/origin.ts'
import { Action, type ActionClass } from './action.ts'
import { currentOrigin } from './current-turn.ts'
import { Departure } from './departure.ts'
import type { ActionInput } from './input.ts'
import { ActionObject } from './object.ts'
import type { ActionOutput } from './output.ts'
import type { ChunkSource } from './source.ts'
import type { StoreClient } from './store.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { recordingLog } from './testing/log.ts'

const clock = new FakeClock()

function make(Class: ActionClass, interleaved = false, id = 'me'): ActionObject {
  const store = {} as StoreClient
  return new ActionObject(Class, { id, path: '/a', params: { n: 1 }, store, log: recordingLog().log, clock, interleaved })
}

async function live(Class: ActionClass, interleaved = false, id = 'me'): Promise<ActionObject> {
  const object = make(Class, interleaved, id)
  await object.create()
  return object
}

function source(...texts: string[]): ChunkSource & { left: number } {
  const chunks = texts.map(text => Buffer.from(text))
  return {
    get left() {
      return chunks.length
    },
    async next() {
      const bytes = chunks.shift()
      return bytes && { bytes, release() {} }
    },
  }
}

/** Never gives anything, until it fails. */
function hanging(): ChunkSource & { fail(error: Error): void } {
  let fail!: (error: Error) => void
  const never = new Promise<undefined>((_, reject) => {
    fail = reject
  })
  return { next: () => never, fail: error => fail(error) }
}

async function turnOfLoop(): Promise<void> {
  await new Promise(resolve => process.nextTick(resolve))
  for (let i = 0; i < 50; i++) await Promise.resolve()
}

function gate(): { opened: Promise<void>; open: () => void } {
  let open!: () => void
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { opened, open }
}

describe('turns', () => {
  it('of a serial action never overlap, and come in order of arrival', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ call: fc.boolean(), awaits: fc.nat(6) }), { maxLength: 20 }), async works => {
        const order: number[] = []
        let inside = 0
        async function step(number: number): Promise<void> {
          expect(++inside).toBe(1)
          order.push(number)
          for (let i = 0; i < works[number]!.awaits; i++) await Promise.resolve()
          inside--
        }
        class Serial extends Action {
          static override calls = ['step']
          step = step
          override async onWrite(input: ActionInput) {
            await step(Number(await input.text()))
          }
        }
        Object.defineProperty(Serial.prototype, 'step', { value: step })
        const object = make(Serial)
        const all = works.map((work, i) => (work.call ? object.call('step', i) : object.runWrite(source(String(i)))))
        await object.create()
        await Promise.all(all)
        expect(order).toEqual(works.map((_, i) => i))
      }),
    )
  })

  it('of an interleaved action may wait for each other: a barrier of ten callers', async () => {
    const all = gate()
    let arrived = 0
    class Barrier extends Action {
      static override calls = ['arrive']
      async arrive() {
        if (++arrived === 10) all.open()
        await all.opened
        return arrived
      }
    }
    const object = await live(Barrier, true)
    const answers = await Promise.all([...Array(10).keys()].map(() => object.call('arrive')))
    expect(answers).toEqual(Array(10).fill(10))
  })

  it('are left by who goes while waiting', async () => {
    const hold = gate()
    const seen: string[] = []
    class Slow extends Action {
      override async onWrite(input: ActionInput) {
        seen.push(await input.text())
        await hold.opened
      }
    }
    const object = await live(Slow)
    const left = new Departure()
    const first = object.runWrite(source('1'))
    const second = object.runWrite(source('2'), { departure: left })
    const third = object.runWrite(source('3'))
    left.tell(new GliderError('CANCELLED', 'it has gone'))
    await expect(second).rejects.toMatchObject({ code: 'CANCELLED' })
    hold.open()
    await Promise.all([first, third])
    expect(seen).toEqual(['1', '3'])
  })
})

describe('a serial action that is reached again through itself', () => {
  it('is BUSY, also when it was reached through others, but not when interleaved', async () => {
    class Outer extends Action {
      static override calls = ['go', 'chain']
      go() {
        return inner.call('go', null, currentOrigin())
      }
      chain() {
        return currentOrigin().chain
      }
    }
    class Inner extends Action {
      static override calls = ['go']
      async go() {
        await Promise.resolve()
        return outer.call('chain', null, currentOrigin())
      }
    }
    let outer = await live(Outer, false, 'outer')
    const inner = await live(Inner, false, 'inner')
    await expect(outer.call('go')).rejects.toMatchObject({ code: 'ACTION_FAILED', message: expect.stringContaining('BUSY') })
    await expect(outer.runWrite(source(), { chain: ['outer'] })).rejects.toMatchObject({ code: 'BUSY' })
    outer = await live(Outer, true, 'outer')
    expect(await outer.call('go')).toEqual(['outer', 'inner'])
    expect(currentOrigin()).toEqual({})
  })
})

describe('what a hook leaves running behind it', () => {
  it('waits for nobody, so its chain is empty, but belongs to the same operation', async () => {
    const later = gate()
    const origins: Origin[] = []
    class Leaves extends Action {
      static override calls = ['go']
      go() {
        origins.push(currentOrigin())
        void later.opened.then(() => origins.push(currentOrigin()))
      }
    }
    const object = await live(Leaves)
    await object.call('go', null, { operation: 'client-1' })
    later.open()
    await turnOfLoop()
    expect(origins).toEqual([{ chain: ['me'], operation: 'client-1' }, { operation: 'client-1' }])
  })
})

describe('write streams', () => {
  it('discard what the hook has left, outside of its turn', async () => {
    class Early extends Action {
      override onWrite() {}
    }
    const object = await live(Early)
    const rest = source('1', '2', '3')
    await object.runWrite(rest)
    expect(rest.left).toBe(0)
    const stuck = hanging()
    const draining = object.runWrite(stuck)
    await object.runWrite(source('next'))
    stuck.fail(new Error('gone'))
    await expect(draining).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('make the input throw and its signal fire when the writer dies', async () => {
    let seen: unknown
    let fired = false
    class Whole extends Action {
      override async onWrite(input: ActionInput) {
        input.signal.addEventListener('abort', () => {
          fired = true
        })
        try {
          await input.text()
        } catch (error) {
          seen = error
        }
      }
    }
    const object = await live(Whole)
    const dying = hanging()
    const run = object.runWrite(dying)
    dying.fail(new Error('connection lost'))
    await expect(run).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect([fired, (seen as Error).message]).toEqual([true, 'the writer has gone: connection lost'])
  })

  it('give up the turn of a hook that has not settled 5 s after the abort', async () => {
    class Deaf extends Action {
      override async onWrite(input: ActionInput) {
        if ((await input.text()) === 'hang') await new Promise(() => {})
      }
    }
    const object = await live(Deaf)
    const left = new Departure()
    const first = object.runWrite(source('hang'), { departure: left })
    first.catch(() => {})
    await turnOfLoop()
    let secondDone = false
    const second = object.runWrite(source('ok')).then(() => {
      secondDone = true
    })
    left.tell(new GliderError('CANCELLED', 'it has gone'))
    clock.advance(4_999)
    await turnOfLoop()
    expect(secondDone).toBe(false)
    clock.advance(1)
    await second
    await expect(first).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  it('fail with the message and stack of what the hook throws, a line that is too long as it is', async () => {
    class Thrower extends Action {
      override async onWrite(input: ActionInput) {
        await input.forEachLine(line => {
          throw new RangeError(`no ${line}`)
        })
      }
    }
    const object = await live(Thrower)
    const failure = await object.runWrite(source('cake')).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'ACTION_FAILED', message: expect.stringContaining('no cake') })
    expect((failure as Error).stack).toContain('RangeError: no cake')
    const long = object.runWrite(source(...Array(17).fill('x'.repeat(1024 * 1024))))
    await expect(long).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(object.runRead({ write() {} })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/Thrower.*onRead/),
    })
  })

  it('with the key of one that has completed are discarded, and of one that has failed count', async () => {
    for (const interleaved of [false, true]) {
      const seen: string[] = []
      class Keyed extends Action {
        override async onWrite(input: ActionInput) {
          const text = await input.text()
          if (text === 'bad') throw new Error('bad')
          seen.push(text)
        }
      }
      const object = await live(Keyed, interleaved)
      const dying = hanging()
      const failed = object.runWrite(dying, { key: 'k' })
      const bad = object.runWrite(source('bad'), { key: 'k' })
      const good = object.runWrite(source('good'), { key: 'k' })
      const repeated = object.runWrite(source('repeated'), { key: 'k' })
      const other = object.runWrite(source('other'), { key: 'o' })
      dying.fail(new Error('died'))
      await expect(failed).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      await expect(bad).rejects.toMatchObject({ code: 'ACTION_FAILED' })
      await Promise.all([good, repeated, other])
      const late = source('late', 'later')
      await object.runWrite(late, { key: 'k' })
      expect([late.left, seen.toSorted()]).toEqual([0, ['good', 'other']])
    }
  })
})

describe('a keyed stream whose hook swallows the death of its writer', () => {
  it('has not completed: the repeated one counts', async () => {
    const seen: string[] = []
    class Swallows extends Action {
      override async onWrite(input: ActionInput) {
        seen.push(await input.text().catch(() => 'died'))
      }
    }
    const object = await live(Swallows)
    const dying = hanging()
    const first = object.runWrite(dying, { key: 'k' })
    dying.fail(new Error('died'))
    await expect(first).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await object.runWrite(source('again'), { key: 'k' })
    expect(seen).toEqual(['died', 'again'])
  })
})

describe('read streams', () => {
  it('reject the next write and fire the signal when the reader leaves', async () => {
    let after: unknown
    class Endless extends Action {
      override async onRead(output: ActionOutput) {
        for (;;) {
          try {
            await output.write('x')
          } catch (error) {
            after = [error, output.signal.aborted]
            throw error
          }
        }
      }
    }
    const object = await live(Endless)
    let writes = 0
    const run = object.runRead({ write: () => (++writes < 1000 ? undefined : Promise.reject(new Error('left'))) })
    await expect(run).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(after).toMatchObject([{ code: 'CANCELLED' }, true])
  })

  it('give what was written before a throw, then the failure', async () => {
    const got: string[] = []
    class Half extends Action {
      override onRead(output: ActionOutput) {
        void output.write('half')
        throw new Error('then')
      }
    }
    const object = await live(Half)
    const sink = { write: async (bytes: Uint8Array) => void (await turnOfLoop(), got.push(Buffer.from(bytes).toString())) }
    await expect(object.runRead(sink)).rejects.toMatchObject({ code: 'ACTION_FAILED' })
    expect(got).toEqual(['half'])
  })
})

describe('calls', () => {
  it('answer JSON, and refuse what is not listed or cannot be carried', async () => {
    class Calls extends Action {
      static override calls = ['nothing', 'give', 'fail']
      nothing() {}
      give(what: unknown) {
        return {
          big: 1n,
          cycle: globalThis,
          fn: { f() {} },
          map: new Map(),
          huge: 'x'.repeat(1 << 20),
          ok: [1],
          own: { toJSON() {} },
        }[String(what)]
      }
      fail() {
        throw new Error('no')
      }
      hidden() {}
    }
    const object = await live(Calls)
    expect(await object.call('nothing')).toBe(null)
    expect(await object.call('give', 'ok')).toEqual([1])
    expect(await object.call('give', 'own')).toBe(null)
    for (const what of ['big', 'cycle', 'fn', 'map', 'huge']) {
      await expect(object.call('give', what)).rejects.toMatchObject({ code: 'ACTION_FAILED' })
    }
    await expect(object.call('fail')).rejects.toMatchObject({ code: 'ACTION_FAILED', message: expect.stringContaining('no') })
    for (const name of ['hidden', 'onWrite', 'constructor', 'toString']) {
      await expect(object.call(name)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    }
  })
})

describe('creation', () => {
  it('lets work wait until onCreate has returned, with all fields set before the initialisers run', async () => {
    const ready = gate()
    class Late extends Action<{ n: number }> {
      static override calls = ['value']
      #value = this.params.n
      override async onCreate() {
        await ready.opened
        this.#value++
      }
      value() {
        return this.#value
      }
    }
    const object = make(Late)
    const created = object.create()
    const answer = object.call('value')
    ready.open()
    await created
    expect(await answer).toBe(2)
    expect(() => new Late()).toThrow(/runAction/)
  })

  it('that throws leaves no object, and whoever waited is told so', async () => {
    class Never extends Action {
      override async onCreate() {
        throw new Error('not today')
      }
      override onWrite() {}
    }
    const object = make(Never)
    const waiting = object.runWrite(source())
    waiting.catch(() => {})
    await expect(object.create()).rejects.toMatchObject({ code: 'ACTION_FAILED', message: expect.stringContaining('not today') })
    await expect(waiting).rejects.toMatchObject({ code: 'NO_ACTION_OBJECT' })
    await object.delete()
  })
})

describe('deletion', () => {
  class Held extends Action {
    static events: string[] = []
    override async onWrite(input: ActionInput) {
      const text = await input.text()
      Held.events.push(text)
    }
    override onDelete() {
      Held.events.push(`deleted ${this.signal.aborted}`)
    }
  }

  it('with wait refuses new work, lets the queue finish and runs onDelete once', async () => {
    Held.events = []
    const object = await live(Held)
    const work = [object.runWrite(source('1')), object.runWrite(source('2'))]
    const deletions = [object.delete('wait'), object.delete('wait')]
    await expect(object.runWrite(source('3'))).rejects.toMatchObject({ code: 'NO_ACTION_OBJECT' })
    await Promise.all([...work, ...deletions])
    expect([Held.events, object.state]).toEqual([['1', '2', 'deleted false'], 'gone'])
  })

  it('with abort fails what waits and what runs, and hastens a deletion that waits', async () => {
    Held.events = []
    const object = await live(Held)
    const running = object.runWrite(hanging())
    const waiting = object.runWrite(source('2'))
    const outcomes = Promise.allSettled([running, waiting])
    const deleted = object.delete('wait')
    await turnOfLoop()
    expect(object.state).toBe('deleting')
    await object.delete('abort')
    await deleted
    expect(await outcomes).toMatchObject([1, 2].map(() => ({ status: 'rejected', reason: { code: 'NO_ACTION_OBJECT' } })))
    expect(Held.events).toEqual(['deleted true'])
  })

  it('with abort waits no longer than 5 s for a hook that does not settle', async () => {
    class Deaf extends Action {
      static override calls = ['hang']
      hang() {
        return new Promise(() => {})
      }
    }
    const object = await live(Deaf)
    const hung = object.call('hang')
    hung.catch(() => {})
    await turnOfLoop()
    const deleted = object.delete('abort')
    clock.advance(5_000)
    await deleted
    await expect(hung).rejects.toMatchObject({ code: 'NO_ACTION_OBJECT' })
  })
})
