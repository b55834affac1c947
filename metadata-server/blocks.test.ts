import { expect, test } from 'vitest'
import { BlockSpace } from './blocks.ts'
import { codeOf } from './fakes.test.helper.ts'
import { Generations } from './generations.ts'

function makeSpace(capacity: number): BlockSpace {
  const proofKey = Buffer.alloc(32)
  const names = { id: 'storage-1', number: 1, incarnation: 'abcdefghijkl', address: 'host:1', storageClass: 'dram' }
  return new BlockSpace(
    {
      ...names,
      namespace: 'default',
      tokenHash: '',
      proofKey,
      state: 'live',
      draining: false,
      lastSeenMs: 0,
      connection: undefined,
    },
    capacity,
  )
}

test('the block that was freed last goes out first, and none goes out twice', () => {
  const space = makeSpace(3)
  const generations = new Generations(1)
  const [a, b] = [space.take(generations), space.take(generations)]
  if (!a || !b) throw new Error('there are three blocks')
  space.give(a)
  space.give(b)
  const again = [1, 2, 3, 4].map(() => space.take(generations)?.index)
  expect(again).toEqual([b.index, a.index, 2, undefined])
  expect(space).toMatchObject({ free: 0, used: 3 })
})

test('giving a block back twice is a defect that is noticed', async () => {
  const space = makeSpace(1)
  const block = space.take(new Generations(1))
  if (!block) throw new Error('there is a block')
  space.give(block)
  expect(await codeOf(() => space.give(block))).toBe('INTERNAL')
  expect(space.free).toBe(1)
})
