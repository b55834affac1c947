import fc from 'fast-check'
import { expect, test } from 'vitest'
import { orderOf } from './prefix-order.ts'

test('items come in the order of their prefixes, however these are spread, and equal ones as they are compared', () => {
  const prefix = fc.oneof(
    fc.integer({ min: -3, max: 3 }),
    fc.double({ noNaN: true }),
    fc.constantFrom(0, -0, Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** -1074),
    fc.integer({ min: 0, max: 2 ** 48 }),
  )
  fc.assert(
    fc.property(fc.array(prefix.filter(Number.isFinite), { maxLength: 300 }), prefixes => {
      // Of equal ones the later comes first.
      const order = orderOf(Float64Array.from(prefixes), (a, b) => b - a)
      const expected = prefixes.map((_, item) => item).sort((a, b) => prefixes[a]! - prefixes[b]! || b - a)
      expect([...order]).toEqual(expected)
    }),
    { numRuns: 2_000 },
  )
})
