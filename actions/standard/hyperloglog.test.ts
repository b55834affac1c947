import { describe, expect, it } from 'vitest'
import { HyperLogLog } from './hyperloglog.ts'

/** Of 16,384 registers. */
const STANDARD_ERROR = 1.04 / 128

function of(prefix: string, count: number, from = 0): HyperLogLog {
  const sketch = new HyperLogLog()
  for (let i = from; i < from + count; i++) {
    const bytes = Buffer.from(`${prefix}${i}`)
    sketch.add(bytes, 0, bytes.length)
  }
  return sketch
}

const errorOf = (sketch: HyperLogLog, count: number): number => sketch.estimate() / count - 1

describe('the estimate', () => {
  it('is 0 of nothing and near to exact of little, where registers are mostly empty', () => {
    expect(new HyperLogLog().estimate()).toBe(0)
    for (const count of [1, 2, 10, 100]) expect(Math.round(of('', count).estimate())).toBe(count)
  })

  it.each([300, 3_000, 30_000, 100_000])('of %i keys errs as theory says, without bias', count => {
    const sets = 40
    const errors = Array.from({ length: sets }, (_, set) => errorOf(of(`set ${set} key `, count), count))
    const mean = errors.reduce((sum, error) => sum + error, 0) / sets
    const deviation = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / sets)
    // Keys are given, so this is always the same; bounds are those of 4 standard deviations of mean and of deviation.
    expect(Math.abs(mean)).toBeLessThan((4 * STANDARD_ERROR) / Math.sqrt(sets))
    expect(deviation).toBeLessThan(STANDARD_ERROR * (1 + 4 / Math.sqrt(2 * sets)))
    for (const error of errors) expect(Math.abs(error)).toBeLessThan(4.5 * STANDARD_ERROR)
  })

  it('of 2,000,000 keys is no worse', () => {
    expect(Math.abs(errorOf(of('', 2_000_000), 2_000_000))).toBeLessThan(3 * STANDARD_ERROR)
  })

  it('of two merged is that of one that has seen all keys of both', () => {
    const both = of('', 20_000)
    both.merge(of('', 20_000, 10_000))
    expect(both.estimate()).toBe(of('', 30_000).estimate())
  })
})
