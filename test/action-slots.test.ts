import { describe, expect, it } from 'vitest'
import { failureOf } from './support/failure.ts'
import { deploySource, freeSpace, itLeavesNothing, makeAction, shareCluster } from './support/shared-cluster.ts'
import { writeAll } from './support/streams.ts'

const THREADS = 4
const SLOTS = 14
const shared = shareCluster({ storageServers: 0, slots: SLOTS, threads: THREADS })

const source = `import { threadId } from 'node:worker_threads'
import { Action, type ActionInput } from 'glider/action'
export class Where extends Action {
  static calls = ['where']
  #seen = new Set([threadId])
  where() { return [...this.#seen.add(threadId)] }
  async onWrite(input: ActionInput) { this.#seen.add(threadId); await input.text(); this.#seen.add(threadId) }
}
`

describe('objects on some threads and slots', () => {
  it('spread evenly, stay where they are, and as many as there are slots', async () => {
    const { store } = shared
    await deploySource(store, 'where.ts', source)
    const nodes = await Promise.all(Array.from({ length: SLOTS }, (_, i) => makeAction(store, `/w${i}`, 'where/Where')))
    const threadsOf = async (): Promise<number[]> => {
      const seen = (await Promise.all(nodes.map(node => node.call('where')))) as number[][]
      for (const threads of seen) expect(threads.length).toBe(1)
      return seen.map(([thread]) => thread!)
    }
    const first = await threadsOf()
    const counts = new Map<number, number>()
    for (const thread of first) counts.set(thread, (counts.get(thread) ?? 0) + 1)
    expect([...counts.values()].sort((a, b) => a - b)).toEqual([3, 3, 4, 4])
    await Promise.all(nodes.flatMap(node => Array.from({ length: 5 }, () => writeAll(node.createWriteStream(), 'x'))))
    expect(await threadsOf()).toEqual(first)

    const node = await store.create('/one-more', 'action')
    expect((await freeSpace(store)).slots).toBe(0)
    expect(await failureOf(node.create('where/Where'))).toMatchObject({
      code: 'NO_SLOT',
      message: expect.stringContaining('/one-more'),
      retryable: true,
    })
    // Where one goes, the next one comes: on the thread that has the fewest.
    const leaves = nodes.findIndex((_, i) => counts.get(first[i]!) === 3)
    await nodes[leaves]!.delete()
    await node.create('where/Where')
    expect(await node.call('where')).toEqual([first[leaves]])
    expect(await failureOf(nodes[leaves]!.create('where/Where'))).toMatchObject({ code: 'NO_SLOT' })
    await node.delete()
    await nodes[leaves]!.create('where/Where')
    expect(await threadsOf()).toEqual(first)
  })
})

itLeavesNothing(shared)
