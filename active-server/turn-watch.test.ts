import { describe, expect, it } from 'vitest'
import { FakeClock } from '../protocol/testing/fake-clock.ts'
import { TurnWatch } from './turn-watch.ts'

function watch(timeoutMs: number): { clock: FakeClock; turns: TurnWatch; pings: () => number; hung: () => number } {
  const clock = new FakeClock()
  let pings = 0
  let hung = 0
  const turns = new TurnWatch(clock, () => timeoutMs, { ping: () => pings++, hung: () => hung++ })
  return { clock, turns, pings: () => pings, hung: () => hung }
}

describe('a watch over turns', () => {
  it('leaves a thread alone that answers', () => {
    const { clock, turns, pings, hung } = watch(3_000)
    for (let second = 0; second < 60; second++) {
      clock.advance(1_000)
      turns.answered()
    }
    expect(pings()).toBe(60)
    expect(hung()).toBe(0)
  })

  it('gives up one that does not, once, when its time is over and not before', () => {
    const { clock, pings, hung } = watch(3_000)
    clock.advance(1_000)
    expect(pings()).toBe(1)
    clock.advance(2_999)
    expect(hung()).toBe(0)
    clock.advance(1)
    expect(hung()).toBe(1)
    clock.advance(60_000)
    expect(hung()).toBe(1)
    expect(pings()).toBe(1)
    expect(clock.pending).toBe(0)
  })

  it('counts anew after each answer', () => {
    const { clock, turns, hung } = watch(3_000)
    for (let time = 0; time < 10; time++) {
      clock.advance(3_000)
      turns.answered()
    }
    expect(hung()).toBe(0)
  })
})
