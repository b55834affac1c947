import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Ranges } from './ranges.ts'

const SPAN = 40
const range = fc.tuple(fc.nat({ max: SPAN }), fc.nat({ max: SPAN }))

test('ranges cover, leave gaps and count as a set of single bytes does', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), range, (added, [start, end]) => {
      const ranges = new Ranges()
      const naive = new Set<number>()
      for (const [from, to] of added) {
        ranges.add(from, to)
        for (let i = from; i < to; i++) naive.add(i)
        expect(ranges.size).toBe(naive.size)
      }
      const asked = Array.from({ length: Math.max(end - start, 0) }, (_unused, i) => start + i)
      expect(ranges.covers(start, end)).toBe(asked.every(byte => naive.has(byte)))
      const gaps: number[] = []
      let last = -1
      ranges.gaps(start, end, (from, to) => {
        // In order, not empty, and never two that touch.
        expect(from).toBeGreaterThan(last)
        expect(to).toBeGreaterThan(from)
        last = to
        for (let i = from; i < to; i++) gaps.push(i)
      })
      expect(gaps).toEqual(asked.filter(byte => !naive.has(byte)))
      ranges.clear()
      expect(ranges.size).toBe(0)
    }),
    { numRuns: 2_000 },
  )
})
