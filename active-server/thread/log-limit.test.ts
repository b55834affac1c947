import { beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../../protocol/testing/fake-clock.ts'
import { type Dropped, LogLimit } from './log-limit.ts'

describe('LogLimit', () => {
  let clock: FakeClock
  let told: Dropped[]
  let limit: LogLimit
  beforeEach(() => {
    clock = new FakeClock()
    told = []
    limit = new LogLimit(clock, dropped => told.push(dropped))
  })

  const allowed = (lines: number, bytes: number): number => {
    let count = 0
    for (let i = 0; i < lines; i++) if (limit.allows(bytes)) count++
    return count
  }

  it('lets a burst through and then the rate, by lines and by bytes', () => {
    expect(allowed(10_000, 10)).toBe(500)
    clock.advance(1_000)
    expect(allowed(10_000, 10)).toBe(100)
    clock.advance(60_000)
    expect(allowed(1_000, 8 << 10)).toBe(32)
    clock.advance(1_000)
    expect(allowed(1_000, 8 << 10)).toBe(8)
  })

  it('tells once a second how much was dropped, also when nothing more is said', () => {
    allowed(600, 100)
    expect(told).toEqual([])
    clock.advance(1_000)
    expect(told).toEqual([{ lines: 100, bytes: 10_000, errors: 0 }])
    clock.advance(60_000)
    expect(told).toHaveLength(1)
    expect(clock.pending).toBe(0)
    allowed(500, 1)
    expect(limit.allows(20, true)).toBe(false)
    clock.advance(1_000)
    expect(told[1]).toEqual({ lines: 1, bytes: 20, errors: 1 })
  })

  it('counts what is cut off a line', () => {
    expect(limit.allows(100)).toBe(true)
    limit.cut(1 << 20)
    clock.advance(1_000)
    expect(told).toEqual([{ lines: 0, bytes: 1 << 20, errors: 0 }])
  })
})
