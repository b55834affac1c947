import { randomBytes } from 'node:crypto'
import type { Clock, Randomness } from './clock.ts'

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
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
