import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Children } from './children.ts'

interface Item {
  name: string
  ordinal: number
}

function filled(count: number): { children: Children<Item>; items: Item[] } {
  const children = new Children<Item>()
  const items = Array.from({ length: count }, (_, i) => ({ name: `child ${i}`, ordinal: -1 }))
  for (const item of items) children.add(item)
  return { children, items }
}

test('children are found by name and given in the order of their arrival, however many they are', () => {
  const { children, items } = filled(50_000)
  expect(children.size).toBe(50_000)
  for (const item of items) expect(children.get(item.name)).toBe(item)
  expect([...children.from(0)]).toEqual(items)
  expect([...children.from(49_990)].map(({ ordinal }) => ordinal)).toEqual(Array.from({ length: 10 }, (_, i) => 49_990 + i))
  expect(children.get('another')).toBeUndefined()
  for (const item of items.filter(({ ordinal }) => ordinal % 3 > 0)) children.delete(item)
  expect(children.size).toBe(16_667)
  expect([...children.from(1)]).toEqual(items.filter(({ ordinal }) => ordinal % 3 === 0).slice(1))
  children.clear()
  expect([children.size, [...children.from(0)], children.get('child 0')]).toEqual([0, [], undefined])
})

test('what comes and goes during an iteration does not disturb it', () => {
  const { children, items } = filled(5000)
  const seen: number[] = []
  for (const item of children.from(0)) {
    seen.push(item.ordinal)
    children.delete(item)
    if (item.ordinal < 5000) children.add({ name: item.name, ordinal: -1 })
  }
  expect(seen).toEqual(Array.from({ length: 10_000 }, (_, i) => i))
  expect([children.size, items.length]).toEqual([0, 5000])
})

test('it does what a Map does', () => {
  const step = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd', 'e'), adds: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step), steps => {
      const children = new Children<Item>()
      const model = new Map<string, Item>()
      for (const { name, adds } of steps) {
        const old = model.get(name)
        if (old) {
          children.delete(old)
          model.delete(name)
        }
        if (!adds) continue
        const item = { name, ordinal: -1 }
        children.add(item)
        model.set(name, item)
      }
      expect(children.size).toBe(model.size)
      expect([...children.from(0)]).toEqual([...model.values()])
      for (const [name, item] of model) expect(children.get(name)).toBe(item)
    }),
  )
})
