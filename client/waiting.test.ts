import { expect, test } from 'vitest'
import { GliderError } from '../protocol/errors.ts'
import { FakeClock } from '../protocol/testing/fake-clock.ts'
import { withinDeadline } from './waiting.ts'

const whole = { code: 'TIMEOUT', outcome: 'unknown', message: expect.stringContaining('the put of /x did not come to an end') }

test('what takes several steps is late as a whole, also where a step notices first', async () => {
  const step = new GliderError('TIMEOUT', 'no answer to commit within its deadline')
  const call = withinDeadline('the put of /x', new FakeClock(), { timeoutMs: 500 }, () => Promise.reject(step))
  await expect(call).rejects.toMatchObject({ ...whole, cause: step })
})

test('what is under way when the deadline passes is given up, and told as late', async () => {
  const clock = new FakeClock()
  const call = withinDeadline('the put of /x', clock, { timeoutMs: 500 }, ({ signal }) => {
    return new Promise((_, reject) => signal!.addEventListener('abort', () => reject(new GliderError('CANCELLED', 'given up'))))
  })
  clock.advance(500)
  await expect(call).rejects.toMatchObject(whole)
  expect(clock.pending).toBe(0)
})
