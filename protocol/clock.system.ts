import { randomBytes } from 'node:crypto'
import type { Clock, Randomness } from './clock.ts'

/** A timer of Node for longer than this fires at once. */
const LONGEST_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(delayMs, LONGEST_MS))
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
  soon: callback => {
    setImmediate(callback)
  },
}

export const systemRandomness: Randomness = {
  bytes: count => randomBytes(count),
  id: () => randomBytes(9).toString('base64url'),
}
