import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { systemClock } from './clock.system.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

test.each([2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY])('a timer for %i ms does not fire at once', delayMs => {
  let fired = false
  const timer = systemClock.after(delayMs, () => {
    fired = true
  })
  vi.advanceTimersByTime(60_000)
  expect(fired).toBe(false)
  timer.cancel()
})
