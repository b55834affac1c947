import { expect, test } from 'vitest'
import { GliderError } from '../protocol/errors.ts'
import { FakeClock } from '../protocol/testing/fake-clock.ts'
import { counted, drained, drainingError, type Work } from './drain.ts'
import { Quiet } from './quiet.ts'

class FakeWork implements Work {
  left: string | undefined = 'streams: 1'
  refused = 0

  refuse(): void {
    this.refused++
  }

  running(): string | undefined {
    return this.left
  }
}

test('nothing new is begun from the first moment, and once nothing runs the server is drained', async () => {
  const clock = new FakeClock()
  const work = new FakeWork()
  let over = false
  const drain = drained(clock, 1_000, work).finally(() => {
    over = true
  })
  expect(work.refused).toBe(1)
  clock.advance(500)
  await Promise.resolve()
  expect(over).toBe(false)
  work.left = undefined
  clock.advance(50)
  expect(await drain).toBeUndefined()
  expect(clock.pending).toBe(0)
})

test('where nothing runs there is nothing to wait for', async () => {
  const clock = new FakeClock()
  const work = new FakeWork()
  work.left = undefined
  expect(await drained(clock, 1_000, work)).toBeUndefined()
  expect(clock.pending).toBe(0)
})

test('when the time is over, what still runs is told', async () => {
  const clock = new FakeClock()
  const drain = drained(clock, 1_000, new FakeWork())
  clock.advance(1_000)
  expect(await drain).toBe('streams: 1')
  expect(clock.pending).toBe(0)
})

test('what is refused may be tried again, and says so over the wire', () => {
  const error = GliderError.fromWire(drainingError('active', '127.0.0.1:1').toWire())
  expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true, draining: true })
  expect(error.outcome).toBeUndefined()
  expect(error.message).toMatch(/active server at 127\.0\.0\.1:1 is draining/)
})

test('counts are told where they are not 0', () => {
  expect(counted({ writers: 0, readers: 0 })).toBeUndefined()
  expect(counted({ writers: 2, readers: 0, others: 1 })).toBe('writers: 2, others: 1')
})

test('it is quiet once there has been no operation for a second, and at once where there never was one', () => {
  const clock = new FakeClock()
  let operations = 0
  expect(new Quiet(clock, () => operations).isQuiet).toBe(true)
  operations = 7
  const quiet = new Quiet(clock, () => operations)
  clock.advance(900)
  expect(quiet.isQuiet).toBe(false)
  operations++
  clock.advance(600)
  expect(quiet.isQuiet).toBe(false)
  clock.advance(999)
  expect(quiet.isQuiet).toBe(false)
  clock.advance(1)
  expect(quiet.isQuiet).toBe(true)
})
