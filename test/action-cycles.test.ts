import type { ActionNode } from 'glider'
import { beforeAll, describe, expect, it } from 'vitest'
import { failureOf } from './support/failure.ts'
import { deploySource, itLeavesNothing, makeAction, shareCluster } from './support/shared-cluster.ts'

const shared = shareCluster({ capacity: '16MiB', slots: 8, threads: 2 })

/** Does what it is told, at its own node or another; tells the code of the error that it gets. */
const source = `
import { Action } from 'glider/action'

async function codeOf(promise) {
  try {
    await promise
    return 'done'
  } catch (error) {
    return error.code === 'ACTION_FAILED' ? error.message.replace(/^.* threw: /, '') : error.code
  }
}

function carryOut(store, { what, path, value }) {
  const node = () => store.lookup(path, 'action')
  switch (what) {
    case 'call': return node().then(one => one.call('tell', value))
    case 'create': return node().then(one => one.create('Teller', { params: value }))
    case 'replace': return node().then(one => one.create('Teller', { replace: true }))
    case 'delete': return node().then(one => one.delete())
    case 'deleteNode': return store.delete(path)
    case 'replaceNode': return store.create(path, 'action', { ifExists: 'replace' })
  }
}

/** Fails where what it was told fails. */
export class Teller extends Action {
  static calls = ['tell', 'try']
  async onCreate() {
    if (this.params?.onCreate) await carryOut(this.store, this.params.onCreate)
  }
  async onDelete() {
    if (this.params?.onDelete) await carryOut(this.store, this.params.onDelete)
  }
  tell(order) {
    return order && carryOut(this.store, order).then(() => 'done')
  }
  try(order) {
    return codeOf(carryOut(this.store, order))
  }
}
`

beforeAll(async () => {
  await deploySource(shared.store, 'tellers.js', source)
})

let names = 0
async function withTeller(
  options: Parameters<ActionNode['create']>[1],
  work: (node: ActionNode) => Promise<void>,
): Promise<void> {
  const node = await makeAction(shared.store, `/teller${names++}`, 'Teller', options)
  try {
    await work(node)
  } finally {
    await shared.store.delete(node.path, { recursive: true })
  }
}

describe('an object that waits for its own end', () => {
  for (const interleaved of [false, true]) {
    for (const what of ['delete', 'replace', 'deleteNode', 'replaceNode']) {
      it(`is refused with BUSY and lives: ${what}, ${interleaved ? 'interleaved' : 'serial'}`, async () => {
        await withTeller({ interleaved }, async node => {
          expect(await node.call('try', { what, path: node.path })).toBe('BUSY')
          expect((await node.stat()).object?.state).toBe('live')
          expect(await node.call('tell')).toBeNull()
        })
      })
    }
  }

  it('is refused when it gets there through another', async () => {
    await withTeller({}, async one => {
      await withTeller({}, async other => {
        const order = { what: 'call', path: other.path, value: { what: 'delete', path: one.path } }
        expect(await one.call('try', order)).toMatch(/^BUSY/)
        expect((await one.stat()).object?.state).toBe('live')
      })
    })
  })

  it('is refused when the onDelete or the onCreate that it waits for comes back to it', async () => {
    await withTeller({}, async one => {
      const back = { what: 'call', path: one.path }
      await withTeller({ params: { onDelete: back } }, async other => {
        expect(await one.call('try', { what: 'delete', path: other.path })).toMatch(/^BUSY/)
        expect((await other.stat()).object?.state).toBe('empty')
        const order = { what: 'create', path: other.path, value: { onCreate: back } }
        expect(await one.call('try', order)).toMatch(/^BUSY/)
        expect((await other.stat()).object?.state).toBe('empty')
      })
      expect(await one.call('tell')).toBeNull()
    })
  })
})

describe('an object that is being made or ended', () => {
  it('does not wait for that itself', async () => {
    for (const what of ['call', 'create', 'delete', 'deleteNode']) {
      const path = `/early-${what}`
      const node = await shared.store.create(path, 'action')
      const failure = await failureOf(node.create('Teller', { params: { onCreate: { what, path } } }))
      expect(`${failure.code} ${failure.message}`).toMatch(/^ACTION_FAILED .*BUSY/)
      expect((await node.stat()).object?.state).toBe('empty')
      await node.create('Teller', { params: { onDelete: { what: 'create', path } } })
      expect((await failureOf(node.delete())).message).toContain('BUSY')
      await shared.store.delete(path)
    }
  })
})

itLeavesNothing(shared)
