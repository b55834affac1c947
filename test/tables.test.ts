import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { TableNode } from '../client/index.ts'
import { expectNothingLeft, someBytes, withCluster } from './store.test.helper.ts'

const fixture = withCluster()
const MIB = 1 << 20

async function keysOf(table: TableNode): Promise<Map<string, number>> {
  const sizes = new Map<string, number>()
  for await (const { key, size } of table.entries()) {
    expect(sizes.has(key)).toBe(false)
    sizes.set(key, size)
  }
  return sizes
}

test('a value takes as many blocks as it needs, and gives back those of the one that it replaces', async () => {
  const { store } = fixture
  const table = await store.create('/t', 'table')
  for (const size of [0, 1, 4096, 4097, 65_536, 65_537, MIB, MIB + 1, 5 * MIB + 3, 1]) {
    await table.put('k', someBytes(size))
    expect((await store.usage()).blocks).toBe(size <= 4096 ? 0 : Math.ceil(size / MIB))
  }
  await expectNothingLeft(fixture)
})

test('a table is what a Map is, whatever the sizes', async () => {
  const { store } = fixture
  const key = fc.constantFrom('a', 'b', 'c', 'd')
  const size = fc.oneof(fc.constantFrom(0, 1, 4095, 4096, 4097, 65_535, 65_536, 65_537, MIB - 1, MIB, MIB + 1), fc.nat(9000))
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('put' as const), key, size }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), key, size: fc.constant(0) }) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async steps => {
      const table = await store.create('/t', 'table')
      const model = new Map<string, Buffer>()
      for (const one of steps) {
        if (one.do === 'put') {
          const bytes = someBytes(one.size)
          await table.put(one.key, bytes)
          model.set(one.key, bytes)
        } else expect(await table.delete(one.key)).toBe(model.delete(one.key))
      }
      for (const [name, bytes] of model) expect((await table.get(name)).equals(bytes)).toBe(true)
      expect(await keysOf(table)).toEqual(new Map([...model].map(([name, bytes]) => [name, bytes.length])))
      const stored = [...model.values()].reduce((sum, bytes) => sum + bytes.length, 0)
      expect(await store.usage()).toMatchObject({ nodes: model.size + 1, storedBytes: stored })
      await expectNothingLeft(fixture)
    }),
    { numRuns: 25 },
  )
})
