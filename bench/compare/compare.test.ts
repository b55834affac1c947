import { describe, expect, test } from 'vitest'
import type { Samples } from '../experiment.ts'
import { compareRuns, type Verdict } from './compare.ts'
import { outside, ratioInterval } from './interval.ts'

/** Rounds around a middle, spread by some share of it. */
function rounds(middle: number, count: number, spread: number): number[] {
  return Array.from({ length: count }, (_, at) => middle * (1 + spread * ((2 * at) / (count - 1) - 1)))
}

function verdictOf(before: readonly number[], after: readonly number[], better: Samples['better'] = 'more'): Verdict {
  const samples = (values: readonly number[]): Samples => ({ unit: 'MB/s', better, values })
  return compareRuns({ x: { figure: samples(before) } }, { x: { figure: samples(after) } }, 0.99)[0]!.verdict
}

describe('the interval of a ratio', () => {
  test('goes by the exact distribution of Mann and Whitney', () => {
    // Tables of the test: critical values of U for 5 and 5, 8 and 8, 10 and 12, two-sided.
    expect(outside(5, 5, 0.025)).toBe(3)
    expect(outside(5, 5, 0.005)).toBe(1)
    expect(outside(8, 8, 0.025)).toBe(14)
    expect(outside(10, 12, 0.025)).toBe(30)
    expect(outside(3, 3, 0.025)).toBe(0)
    expect(outside(3, 9, 0.025)).toBe(outside(9, 3, 0.025))
  })

  test('spans from the smallest to the largest ratio of five rounds and five, at 99 of 100', () => {
    expect(ratioInterval([10, 11, 12, 13, 14], [20, 21, 22, 23, 24], 0.99)).toEqual({ low: 20 / 14, high: 24 / 10 })
  })

  test('is narrower with more rounds, and holds the ratio', () => {
    const few = ratioInterval(rounds(100, 5, 0.1), rounds(120, 5, 0.1), 0.95)!
    const many = ratioInterval(rounds(100, 25, 0.1), rounds(120, 25, 0.1), 0.95)!
    expect(many.high - many.low).toBeLessThan(few.high - few.low)
    expect(many.low).toBeLessThan(1.2)
    expect(many.high).toBeGreaterThan(1.2)
  })

  test('is not there where so few rounds cannot tell', () => {
    expect(ratioInterval([1, 2, 3, 4], [11, 12, 13, 14], 0.99)).toBeUndefined()
    expect(ratioInterval([1], [100], 0.95)).toBeUndefined()
  })
})

describe('two runs', () => {
  test('do not differ where their rounds overlap', () => {
    expect(verdictOf(rounds(100, 7, 0.1), rounds(103, 7, 0.1))).toBe('within the noise')
    expect(verdictOf(rounds(100, 7, 0.1), rounds(100, 7, 0.1))).toBe('within the noise')
  })

  test('differ where one is faster beyond its noise', () => {
    expect(verdictOf(rounds(100, 7, 0.05), rounds(120, 7, 0.05))).toBe('better')
    expect(verdictOf(rounds(120, 7, 0.05), rounds(100, 7, 0.05))).toBe('worse')
  })

  test('are better for less of what there should be less of', () => {
    expect(verdictOf(rounds(120, 7, 0.05), rounds(100, 7, 0.05), 'less')).toBe('better')
    expect(verdictOf(rounds(100, 7, 0.05), rounds(120, 7, 0.05), 'less')).toBe('worse')
  })

  test('are not led astray by one round that something else has disturbed', () => {
    expect(verdictOf([...rounds(100, 9, 0.02), 10], rounds(100, 10, 0.02))).toBe('within the noise')
    expect(verdictOf([...rounds(100, 9, 0.02), 10], rounds(130, 10, 0.02))).toBe('better')
  })

  test('have changed where something that never varies is another, or is there now', () => {
    expect(verdictOf([5, 5, 5, 5, 5], [5, 5, 5, 5, 5])).toBe('within the noise')
    expect(verdictOf([5, 5, 5, 5, 5], [6, 6, 6, 6, 6])).toBe('better')
    expect(verdictOf([0, 0, 0, 0, 0], [0, 0, 0, 0, 0])).toBe('within the noise')
    expect(verdictOf([0, 0, 0, 0, 0], [1, 1, 1, 1, 1], 'less')).toBe('worse')
  })

  test('tell what only one of them has, and where there are too few rounds', () => {
    const samples: Samples = { unit: 's', better: 'less', values: [1, 2] }
    const changes = compareRuns({ a: { x: samples, y: samples } }, { a: { y: samples }, b: { z: samples } }, 0.99)
    expect(changes.map(({ experiment, figure, verdict }) => [experiment, figure, verdict])).toEqual([
      ['a', 'x', 'only before'],
      ['a', 'y', 'too few rounds'],
      ['b', 'z', 'only after'],
    ])
  })
})
