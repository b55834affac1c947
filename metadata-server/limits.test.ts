import { expect, test } from 'vitest'
import { Counter } from './counter.ts'
import { codeOf, messageOf } from './fakes.test.helper.ts'
import { noJournal } from './journal/journal.ts'
import { Limits } from './limits.ts'
import { FileNode } from './node.ts'
import { StorageOrders } from './orders.ts'
import { BlockSpaces } from './spaces.ts'
import { Tree } from './tree.ts'

test('what is replaced again and again while it is being freed does not pass the quota of nodes', async () => {
  const order = new StorageOrders(['dram']).default
  const limits = new Limits('tenant', { nodes: 2 })
  const root = { id: 1, createdAt: 0 }
  const tree = new Tree({ wallTime: () => 0, journal: noJournal, ids: new Counter(1), limits, order, root })
  const replace = (): void => {
    tree.replace(tree.get('/file'), birth => new FileNode(birth, order))
  }
  const place = tree.place('/file', false)
  if (place.node) throw new Error('there is nothing yet')
  const first = tree.add(place, birth => new FileNode(birth, order))
  replace()
  replace()
  expect(await codeOf(replace)).toBe('QUOTA_EXCEEDED')
  expect(tree.find('/file')).toBeDefined()
  tree.forget(first)
  replace()
})

test('what is refused is told by what counts, how it counts, and what it needs', async () => {
  const limits = new Limits('tenant', { slots: 1, bytes: 1000 })
  const told = (check: () => void): Promise<string> => messageOf(Promise.resolve().then(check))
  expect(await told(() => limits.check('slots', 1))).toContain('has 1 of its quota of 1 slot: ')
  expect(await told(() => limits.check('bytes', 900, 200))).toContain(
    'has 900 of its quota of 1000 bytes, and this takes 200 more: ',
  )
})

test('blocks count whole in the quota of bytes, and the message says so', async () => {
  const unused = {} as never
  const limits = new Limits('tenant', { bytes: 0 })
  const blocks = new BlockSpaces(['dram'], 1 << 20, unused, unused).ofNamespace(undefined, limits, unused)
  const taking = Promise.resolve().then(() => blocks.take(blocks.orders.default, 1, '/f'))
  expect(await codeOf(taking)).toBe('QUOTA_EXCEEDED')
  expect(await messageOf(taking)).toContain('has 0 of its quota of 0 bytes, as each block counts whole: ')
})
