import { expect, test } from 'vitest'
import { judge, type Sample } from './verdict.ts'

function samples(count: number, of: (at: number) => Partial<Sample>): Sample[] {
  return Array.from({ length: count }, (_, at) => ({
    seconds: 10 * (at + 1),
    operations: 100,
    p50Ms: 1,
    p99Ms: 5,
    residentMiB: { metadata: 100 },
    ...of(at),
  }))
}

test('what is level from minute 2 on is flat, whatever it was before', () => {
  expect(judge(samples(60, at => ({ residentMiB: { metadata: at < 12 ? 40 + 5 * at : 100 } })))).toEqual({
    flat: true,
    rising: [],
  })
})

test('memory and latency that go on rising are named', () => {
  expect(judge(samples(60, at => ({ residentMiB: { metadata: 100 + at } })))).toMatchObject({
    flat: false,
    rising: [expect.stringContaining('metadata')],
  })
  expect(judge(samples(60, at => ({ p99Ms: 5 + at / 4 })))).toMatchObject({
    flat: false,
    rising: [expect.stringContaining('p99')],
  })
})
