import { expect, test } from 'vitest'
import { BUCKET_BOUNDS, BUCKETS, bucketOf, Meter } from './meter.ts'
import { FakeClock } from './testing/fake-clock.ts'

const CODE = 40

function countsOf(meter: Meter, code = CODE): Record<number, number> {
  const counts = [...meter.counts.subarray(code * BUCKETS, (code + 1) * BUCKETS)]
  return Object.fromEntries(counts.flatMap((count, bucket) => (count > 0 ? [[bucket, count]] : [])))
}

test('a time is in the first bucket whose bound it does not exceed', () => {
  expect(BUCKET_BOUNDS[0]).toBe(0.000016)
  expect(BUCKET_BOUNDS.at(-1)).toBe(16.777216)
  expect([0, 0.001, 0.016].map(bucketOf)).toEqual([0, 0, 0])
  for (const [at, bound] of BUCKET_BOUNDS.entries()) {
    expect(bucketOf(bound * 1e3)).toBe(at)
    expect(bucketOf(bound * 1e3 + 0.001)).toBe(at + 1)
  }
  for (const long of [60_000, 1e9, Number.POSITIVE_INFINITY]) expect(bucketOf(long)).toBe(BUCKETS - 1)
})

test('what is answered in one turn takes as long as the turn, and the clock is read twice for all of it', () => {
  const clock = new FakeClock()
  let reads = 0
  const now = (): number => {
    reads++
    return clock.now()
  }
  const meter = new Meter({ ...bound(clock), now })
  meter.turn()
  clock.advance(2)
  for (let i = 0; i < 100; i++) meter.answered(CODE)
  meter.endTurn()
  meter.endTurn()
  expect(reads).toBe(2)
  expect(countsOf(meter)).toEqual({ [bucketOf(2)]: 100 })
  expect(meter.totalMs[CODE]).toBe(200)
})

test('a turn may bring more than fits into its memory', () => {
  const meter = new Meter(new FakeClock())
  meter.turn()
  for (let i = 0; i < 10_000; i++) meter.answered(CODE)
  meter.endTurn()
  expect(countsOf(meter)).toEqual({ 0: 10_000 })
})

test('what is answered later takes as long as it does', () => {
  const clock = new FakeClock()
  const meter = new Meter(clock)
  meter.turn()
  const since = meter.turnMs
  meter.endTurn()
  clock.advance(500)
  meter.turn()
  meter.ended(CODE, since)
  meter.endTurn()
  expect(countsOf(meter)).toEqual({ [bucketOf(500)]: 1 })
  expect(meter.totalMs[CODE]).toBe(500)
})

test('failures are counted by operation and code', () => {
  const meter = new Meter(new FakeClock())
  meter.failed(CODE, 'NOT_FOUND')
  meter.failed(CODE, 'NOT_FOUND')
  meter.failed(CODE, 'BUSY')
  expect([...meter.failuresOf(CODE)]).toEqual([
    ['NOT_FOUND', 2],
    ['BUSY', 1],
  ])
  expect([...meter.failuresOf(1)]).toEqual([])
})

function bound(clock: FakeClock) {
  return {
    wallTime: () => clock.wallTime(),
    after: clock.after.bind(clock),
    soon: clock.soon.bind(clock),
  }
}
