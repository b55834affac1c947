import { expect, test } from 'vitest'
import { Counter } from './counter.ts'
import { codeOf } from './fakes.test.helper.ts'
import { noJournal } from './journal/journal.ts'
import { Limits } from './limits.ts'
import { FileNode } from './node.ts'
import { StorageOrders } from './orders.ts'
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
