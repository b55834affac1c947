import { describe, expect, test } from 'vitest'
import type { CallOptions } from '../actions/store.ts'
import type { Clock } from '../protocol/clock.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Operation } from '../protocol/operation.ts'
import { type Asker, Leases } from './leases.ts'

class FakeClock implements Clock {
  #now = 0
  readonly #timers = new Map<object, { atMs: number; callback: () => void }>()

  get timers(): number {
    return this.#timers.size
  }

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return this.#now
  }

  after(delayMs: number, callback: () => void): { cancel: () => void } {
    const key = {}
    this.#timers.set(key, { atMs: this.#now + delayMs, callback })
    return { cancel: () => this.#timers.delete(key) }
  }

  soon(callback: () => void): void {
    this.after(0, callback)
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      const due = [...this.#timers].filter(([, { atMs }]) => atMs <= end).sort(([, a], [, b]) => a.atMs - b.atMs)[0]
      if (!due) break
      this.#timers.delete(due[0])
      this.#now = due[1].atMs
      due[1].callback()
      await settle()
    }
    this.#now = end
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await Promise.resolve()
}

/** Answers at once, or as it is told. */
class FakeServer implements Asker {
  readonly clock = new FakeClock()
  readonly asked: { readonly name: string; readonly atMs: number }[] = []
  answer: (name: string) => Promise<object> = () => Promise.resolve({})
  readonly leases = new Leases(this, this.clock)

  async request<Head, A>(operation: Operation<Head, A>, _head: NoInfer<Head>, _options?: CallOptions): Promise<A> {
    this.asked.push({ name: operation.name, atMs: this.clock.now() })
    return operation.parseAnswer(await this.answer(operation.name))
  }

  hold(ttlMs: number) {
    return this.leases.hold({ node: 7, path: '/job', lease: 1 }, ttlMs)
  }

  renewals(): number[] {
    return this.asked.filter(({ name }) => name === 'renewLease').map(({ atMs }) => atMs)
  }
}

const gone = new GliderError('NOT_FOUND', 'gone')
const silent = new GliderError('UNAVAILABLE', 'nobody there')

async function codeOf(promise: PromiseLike<unknown>): Promise<string> {
  try {
    await promise
    return 'no error'
  } catch (error) {
    return GliderError.from(error).code
  }
}

describe('a held lease', () => {
  test('is renewed at every third of its time', async () => {
    const server = new FakeServer()
    const { signal } = server.hold(3000)
    await server.clock.advance(4000)
    expect(server.renewals()).toEqual([1000, 2000, 3000, 4000])
    expect(signal.aborted).toBe(false)
  })

  test('is renewed a third after the last renewal was asked for, however slow its answer, and never twice at once', async () => {
    const server = new FakeServer()
    server.hold(3000)
    const answers: (() => void)[] = []
    server.answer = () => new Promise(resolve => answers.push(() => resolve({})))
    await server.clock.advance(1400)
    answers.shift()?.()
    await settle()
    await server.clock.advance(600)
    expect(server.renewals()).toEqual([1000, 2000])
    await server.clock.advance(5000)
    expect(server.renewals()).toEqual([1000, 2000])
    answers.shift()?.()
    await settle()
    await server.clock.advance(0)
    expect(server.renewals()).toEqual([1000, 2000, 7000])
  })

  test('is asked for again where nobody answers, and is not lost by that', async () => {
    const server = new FakeServer()
    const { signal } = server.hold(3000)
    server.answer = () => Promise.reject(silent)
    await server.clock.advance(10_000)
    expect(server.renewals()).toHaveLength(10)
    expect(signal.aborted).toBe(false)
    server.answer = () => Promise.resolve({})
    await server.clock.advance(1000)
    expect(server.clock.timers).toBe(1)
  })

  test('tells by its signal that it is lost, names its path, and leaves no timer', async () => {
    const server = new FakeServer()
    const lease = server.hold(3000)
    server.answer = () => Promise.reject(gone)
    await server.clock.advance(1000)
    expect(lease.signal.aborted).toBe(true)
    expect(lease.signal.reason).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('/job'), cause: gone })
    expect(server.clock.timers).toBe(0)
    expect(await codeOf(lease.renew())).toBe('NOT_FOUND')
    expect(await codeOf(lease.release())).toBe('NOT_FOUND')
    await lease[Symbol.asyncDispose]()
  })

  test('is found to be lost by a renewal of the program, too', async () => {
    const server = new FakeServer()
    const lease = server.hold(3000)
    server.answer = () => Promise.reject(gone)
    expect(await codeOf(lease.renew())).toBe('NOT_FOUND')
    expect(lease.signal.aborted).toBe(true)
    expect(server.clock.timers).toBe(0)
  })

  test('is neither renewed nor released once the client is closed', async () => {
    const server = new FakeServer()
    const lease = server.hold(3000)
    server.leases.close()
    const late = server.hold(3000)
    expect(server.clock.timers).toBe(0)
    await lease[Symbol.asyncDispose]()
    await late[Symbol.asyncDispose]()
    expect(server.asked).toEqual([])
    expect([lease.signal.aborted, late.signal.aborted]).toEqual([false, false])
  })

  test('whose client is closed in the middle of a renewal leaves no timer', async () => {
    const server = new FakeServer()
    const lease = server.hold(3000)
    server.answer = () => Promise.reject(silent)
    const renewing = server.clock.advance(1000)
    server.leases.close()
    await renewing
    expect(server.clock.timers).toBe(0)
    expect(lease.signal.aborted).toBe(false)
  })
})

describe('releasing', () => {
  test('ends the renewals and is no loss', async () => {
    const server = new FakeServer()
    const lease = server.hold(3000)
    await lease.release()
    await server.clock.advance(10_000)
    expect(server.asked.map(({ name }) => name)).toEqual(['releaseLease'])
    expect(lease.signal.aborted).toBe(false)
    await lease[Symbol.asyncDispose]()
    expect(server.asked).toHaveLength(1)
  })

  test('is what disposing does', async () => {
    const server = new FakeServer()
    {
      await using lease = server.hold(3000)
      expect(lease.path).toBe('/job')
    }
    expect(server.asked.map(({ name }) => name)).toEqual(['releaseLease'])
    expect(server.clock.timers).toBe(0)
  })

  test('a lease that has gone is NOT_FOUND, and for disposing nothing to speak of', async () => {
    const server = new FakeServer()
    server.answer = () => Promise.reject(gone)
    const lease = server.hold(3000)
    expect(await codeOf(lease.release())).toBe('NOT_FOUND')
    expect(lease.signal.aborted).toBe(true)
    await server.hold(3000)[Symbol.asyncDispose]()
    expect(server.clock.timers).toBe(0)
  })

  test('keeps the lease where nobody answers', async () => {
    const server = new FakeServer()
    const lease = server.hold(3000)
    server.answer = () => Promise.reject(silent)
    expect(await codeOf(lease.release())).toBe('UNAVAILABLE')
    expect(await codeOf(lease[Symbol.asyncDispose]())).toBe('UNAVAILABLE')
    server.answer = () => Promise.resolve({})
    await server.clock.advance(1000)
    expect(server.renewals()).toEqual([0, 1000])
    await lease.release()
    expect(server.clock.timers).toBe(0)
  })

  test('in vain while a renewal is under way leaves one timer', async () => {
    const server = new FakeServer()
    const lease = server.hold(3000)
    const answers: (() => void)[] = []
    server.answer = name =>
      name === 'renewLease' ? new Promise(resolve => answers.push(() => resolve({}))) : Promise.reject(silent)
    await server.clock.advance(1000)
    expect(await codeOf(lease.release())).toBe('UNAVAILABLE')
    for (const answer of answers) answer()
    await settle()
    expect(server.clock.timers).toBe(1)
  })

  test('while a renewal is under way is no loss, whichever of the two is answered first', async () => {
    const server = new FakeServer()
    const lease = server.hold(3000)
    const rejects: (() => void)[] = []
    server.answer = name =>
      name === 'renewLease' ? new Promise((_, reject) => rejects.push(() => reject(gone))) : Promise.resolve({})
    await server.clock.advance(1000)
    const releasing = lease.release()
    for (const reject of rejects) reject()
    await releasing
    await settle()
    expect(lease.signal.aborted).toBe(false)
    expect(server.clock.timers).toBe(0)
  })
})
