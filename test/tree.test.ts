import { describe, expect, it } from 'vitest'
import { failureOf } from './support/failure.ts'
import { deleteAll, itLeavesNothing, shareCluster } from './support/shared-cluster.ts'

const shared = shareCluster({ capacity: '32MiB', slots: 4, threads: 1 })

describe('what the namespace uses', () => {
  it('is the same after checks that failed', async () => {
    const { store } = shared
    await store.create('/d', 'directory')
    const before = await store.usage()
    const large = Buffer.alloc(100_000)
    await failureOf(store.create('/d/a/b/c', 'file', { parents: true, storageClass: 'wrong' }))
    await failureOf(store.put('/d/a/b/c', 'x', { parents: true, storageClass: ['dram', 'wrong'] }))
    await failureOf(store.put('/d/a/b/c', 'x'))
    // There is no disk server in this cluster: a class without servers is a full one.
    await failureOf(store.put('/d/a/b/c', large, { parents: true, storageClass: ['disk'] }))
    expect(await store.usage()).toEqual({ ...before, consumed: expect.anything() })
  })

  it('is less by what was below a directory once that is deleted', async () => {
    const { store } = shared
    await store.create('/base', 'directory')
    const before = await store.usage()
    await store.put('/base/a/b/c', Buffer.alloc(3 << 20), { parents: true })
    await (await store.create('/base/a/action', 'action')).create('std/Counter')
    const { blocks, slots } = await store.usage()
    expect([blocks, slots]).toEqual([before.blocks + 3, before.slots + 1])
    expect(await store.delete('/base/a', { recursive: true })).toBe(true)
    expect((await store.usage()).blocks).toBe(before.blocks)
  })
})

itLeavesNothing(shared, deleteAll)
