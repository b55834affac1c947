import fc from 'fast-check'
import { expect, test } from 'vitest'
import { orderOf } from './prefix-order.ts'

const nobodyElse = (): Promise<void> => Promise.resolve()

test('items come in the order of their prefixes, however these are spread, and equal ones as they are compared', async () => {
  const prefix = fc.oneof(
    fc.integer({ min: -3, max: 3 }),
    fc.double({ noNaN: true }),
    fc.constantFrom(0, -0, Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** -1074),
    fc.integer({ min: 0, max: 2 ** 48 }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(prefix.filter(Number.isFinite), { maxLength: 300 }), async prefixes => {
      // Of equal ones the later comes first.
      const order = await orderOf(Float64Array.from(prefixes), (a, b) => b - a, nobodyElse)
      const expected = prefixes.map((_, item) => item).sort((a, b) => prefixes[a]! - prefixes[b]! || b - a)
      expect([...order]).toEqual(expected)
    }),
    { numRuns: 2_000 },
  )
})

test('very many items with few different prefixes are sorted in many turns', async () => {
  const count = 200_001
  // Spread without an order; the multipliers are odd primes.
  const prefixes = Float64Array.from({ length: count }, (_, item) => (item * 7_919) % 3)
  const key = (item: number): number => (item * 104_729) % 1_000
  let turns = 0
  const order = await orderOf(
    prefixes,
    (a, b) => key(a) - key(b) || a - b,
    () => {
      turns++
      return Promise.resolve()
    },
  )
  expect(turns).toBeGreaterThan(count / 32_768)
  const rank = (item: number): number => prefixes[item]! * 1e9 + key(item) * 1e6 + item
  let inOrder = 0
  for (let at = 1; at < count; at++) if (rank(order[at - 1]!) < rank(order[at]!)) inOrder++
  expect(inOrder).toBe(count - 1)
  expect(new Set(order).size).toBe(count)
})
