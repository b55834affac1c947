import { beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../protocol/testing/fake-clock.ts'
import { MemoryWatch } from './memory-watch.ts'

const MIB = 1 << 20
const LIMIT = 100 * MIB

/** Answers at once what it holds, unless it is busy. */
class FakeThread {
  held = 10 * MIB
  garbage = 0
  busy = false
  cause: string | undefined
  readonly machine: Machine
  #asked: boolean | undefined

  constructor(machine: Machine) {
    this.machine = machine
  }

  measure(collect: boolean): void {
    if (this.busy) this.#asked = collect
    else this.#answer(collect)
  }

  terminate(cause: string): void {
    this.cause = cause
    this.machine.watch.ended(this)
  }

  /** Its turn is over. */
  yields(): void {
    this.busy = false
    if (this.#asked !== undefined) this.#answer(this.#asked)
  }

  #answer(collect: boolean): void {
    this.#asked = undefined
    if (collect) this.garbage = 0
    this.machine.watch.measured(this, this.held + this.garbage, collect)
  }
}

class Machine {
  readonly clock = new FakeClock()
  readonly threads: FakeThread[] = []
  own = 30 * MIB
  readonly watch = new MemoryWatch(
    this.clock,
    { resident: () => this.threads.reduce((sum, { held, garbage }) => sum + held + garbage, this.own), own: () => this.own },
    LIMIT,
  )

  thread(): FakeThread {
    const thread = new FakeThread(this)
    this.threads.push(thread)
    this.watch.add(thread)
    return thread
  }

  look(): void {
    this.clock.advance(50)
  }
}

describe('MemoryWatch', () => {
  let machine: Machine
  let a: FakeThread
  let b: FakeThread
  beforeEach(() => {
    machine = new Machine()
    a = machine.thread()
    b = machine.thread()
    machine.look()
  })

  it('ends a thread that says that it holds more than its limit, and no other', () => {
    a.held = LIMIT
    machine.look()
    expect(a.cause).toBeUndefined()
    a.held = LIMIT + 5 * MIB
    machine.look()
    expect(a.cause).toMatch(/hold 105\.0 MiB of memory, more than the 100\.0 MiB/)
    expect(b.cause).toBeUndefined()
  })

  it('has garbage collected before it ends one', () => {
    a.garbage = 5 * LIMIT
    machine.look()
    machine.look()
    expect(a.garbage).toBe(0)
    expect(a.cause).toBeUndefined()
  })

  it('has it collected once a second at most, unless there is much of it', () => {
    let collected = 0
    const measure = a.measure.bind(a)
    a.measure = collect => {
      if (collect) collected += 1
      measure(collect)
    }
    a.held = LIMIT - 5 * MIB
    for (let look = 0; look < 20; look++) {
      a.garbage += 10 * MIB
      machine.look()
      a.garbage = Math.min(a.garbage, 10 * MIB)
    }
    expect(collected).toBe(1)
    a.garbage = LIMIT
    machine.look()
    expect(collected).toBe(2)
    expect(a.cause).toBeUndefined()
  })

  it('ends the busy one that grows, while others answer and grow as well', () => {
    a.busy = true
    for (let look = 0; look < 8; look++) {
      a.held += 10 * MIB
      b.held += 5 * MIB
      machine.own += 20 * MIB
      machine.look()
    }
    expect(a.cause).toBeUndefined()
    a.held += 20 * MIB
    machine.look()
    machine.look()
    expect(a.cause).toBeDefined()
    expect(b.cause).toBeUndefined()
  })

  it('does not end a busy one for what others have grown by', () => {
    a.busy = true
    for (let look = 0; look < 20; look++) {
      b.held += 4 * MIB
      machine.own += 40 * MIB
      machine.look()
    }
    expect(a.cause).toBeUndefined()
    expect(b.cause).toBeUndefined()
    a.yields()
    machine.look()
    expect(a.cause).toBeUndefined()
  })

  it('of several that are busy ends one, and no other until that has gone', () => {
    a.busy = true
    b.busy = true
    a.held = 90 * MIB
    machine.look()
    a.held = 300 * MIB
    machine.look()
    machine.look()
    expect([a.cause, b.cause].filter(cause => cause !== undefined)).toHaveLength(1)
    const [ended, other] = a.cause ? [a, b] : [b, a]
    other.held = 10 * MIB
    for (let look = 0; look < 10; look++) machine.look()
    expect(other.cause).toBeUndefined()
    machine.threads.splice(machine.threads.indexOf(ended), 1)
    machine.watch.gone(ended)
    machine.look()
    machine.look()
    expect(other.cause).toBeUndefined()
    other.held += LIMIT
    machine.look()
    expect(other.cause).toBeDefined()
  })

  it('asks nobody while nothing changes, but once a second', () => {
    let asked = 0
    a.measure = () => asked++
    for (let look = 0; look < 19; look++) machine.look()
    expect(asked).toBe(1)
    machine.watch.stop()
    expect(machine.clock.pending).toBe(0)
  })
})
