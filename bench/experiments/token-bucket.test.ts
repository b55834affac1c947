import { expect, test } from 'vitest'
import { FakeClock } from '../../protocol/testing/fake-clock.ts'
import { TokenBucket } from './token-bucket.ts'

test('what is taken beyond the rate is owed until it has passed', () => {
  const clock = new FakeClock()
  const bucket = new TokenBucket(clock, 1_000_000)
  // Ten milliseconds' worth may go at once.
  bucket.take(10_000)
  expect(bucket.owedMs).toBe(0)
  bucket.take(5_000)
  expect(bucket.owedMs).toBe(5)
  bucket.take(15_000)
  expect(bucket.owedMs).toBe(20)
  clock.advance(19)
  expect(bucket.owedMs).toBe(1)
  clock.advance(1)
  expect(bucket.owedMs).toBe(0)
})

test('however long it was idle, it lets ten milliseconds pass at once and no more', () => {
  const clock = new FakeClock()
  const bucket = new TokenBucket(clock, 1_000_000)
  clock.advance(60_000)
  bucket.take(11_000)
  expect(bucket.owedMs).toBe(1)
})

test('whoever waits for what is owed gets the rate, also where timers come late', () => {
  const clock = new FakeClock()
  const bucket = new TokenBucket(clock, 25e6)
  const start = clock.now()
  let passed = 0
  while (passed < 50e6) {
    bucket.take(256 << 10)
    passed += 256 << 10
    const owed = bucket.owedMs
    if (owed > 0) clock.advance(Math.ceil(owed) + 3)
  }
  const seconds = (clock.now() - start) / 1_000
  expect(passed / seconds / 1e6).toBeGreaterThan(24.5)
  expect(passed / seconds / 1e6).toBeLessThan(25.5)
})
