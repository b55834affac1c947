import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ChurnMap } from './churn-map.ts'

test('it is like a Map, whatever is set and deleted', () => {
  const key = fc.oneof(fc.nat(40), fc.constantFrom(2 ** 31, 2 ** 32 + 1, 2 ** 40, Number.MAX_SAFE_INTEGER))
  const step = fc.oneof(
    fc.record({ kind: fc.constant('set' as const), key, value: fc.nat() }),
    fc.record({ kind: fc.constant('delete' as const), key, value: fc.constant(0) }),
    fc.record({ kind: fc.constant('take' as const), key, value: fc.constant(0) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const map = new ChurnMap<number>()
      const model = new Map<number, number>()
      for (const { kind, key: at, value } of steps) {
        if (kind === 'set') {
          map.set(at, value)
          model.set(at, value)
        } else if (kind === 'take') {
          expect(map.take(at)).toBe(model.get(at))
          model.delete(at)
        } else expect(map.delete(at)).toBe(model.delete(at))
        expect(map.get(at)).toBe(model.get(at))
        expect(map.has(at)).toBe(model.has(at))
        expect(map.size).toBe(model.size)
      }
      expect([...map]).toEqual([...model])
      expect([...map.values()]).toEqual([...model.values()])
    }),
  )
})

test('the entry at hand may be deleted while going through them', () => {
  const map = new ChurnMap<string>()
  for (let key = 0; key < 100; key++) map.set(key, `${key}`)
  const seen: number[] = []
  for (const [key] of map) {
    seen.push(key)
    if (key % 3 === 0) map.delete(key)
  }
  expect(seen).toHaveLength(100)
  expect([...map].map(([key]) => key)).toEqual(seen.filter(key => key % 3 !== 0))
})

test('a cleared one is empty, and takes new entries', () => {
  const map = new ChurnMap<string>()
  for (let key = 0; key < 100; key++) map.set(key, `${key}`)
  map.clear()
  expect(map.size).toBe(0)
  expect(map.get(7)).toBeUndefined()
  map.set(7, 'again')
  expect([...map]).toEqual([[7, 'again']])
})
