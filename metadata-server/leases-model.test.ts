/** Random leases on random trees, against a model that has no heap, no slices and no sweeps. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { codeOf, FakeCluster } from './fakes.test.helper.ts'

/** A lease that has run out ends its node within this time. */
const HEARTBEAT_MS = 1000

/** The tree as the contract has it: each node knows its parent and when each of its leases runs out. */
interface ModelNode {
  readonly id: number
  name: string
  parent: ModelNode | undefined
  readonly leases: Map<number, { readonly ttlMs: number; expiresMs: number }>
}

class Model {
  readonly root: ModelNode = { id: -1, name: '', parent: undefined, leases: new Map() }
  readonly nodes = new Set<ModelNode>()
  readonly cluster = new FakeCluster()

  get all(): ModelNode[] {
    return [...this.nodes]
  }

  pathOf(node: ModelNode): string {
    return node.parent ? `${this.pathOf(node.parent)}/${node.name}` : ''
  }

  isBelow(node: ModelNode, above: ModelNode): boolean {
    return node === above || (node.parent !== undefined && this.isBelow(node.parent, above))
  }

  find(path: string): ModelNode | undefined {
    return this.all.find(node => this.pathOf(node) === path)
  }

  remove(top: ModelNode): void {
    for (const node of this.all) if (this.isBelow(node, top)) this.nodes.delete(node)
  }

  /** When the earliest lease of the node, and of all above it, runs out. */
  endOf(node: ModelNode): number {
    const own = Math.min(...[...node.leases.values()].map(({ expiresMs }) => expiresMs))
    return node.parent ? Math.min(own, this.endOf(node.parent)) : own
  }

  /** What must be there is there, what must have gone has gone; between the two the server may choose. */
  async check(): Promise<void> {
    const now = this.cluster.clock.now()
    for (const node of this.all) {
      const found = await codeOf(this.cluster.ask('stat', { node: node.id }))
      const end = this.endOf(node)
      if (now < end) expect(found, `${this.pathOf(node)} ends at ${end}, it is ${now}`).toBe('no error')
      if (now >= end + HEARTBEAT_MS) expect(found, `${this.pathOf(node)} ended at ${end}, it is ${now}`).toBe('NOT_FOUND')
      if (found === 'NOT_FOUND') this.nodes.delete(node)
      else expect((await this.cluster.ask('stat', { node: node.id })).path).toBe(this.pathOf(node))
    }
    const stats = this.cluster.server.stats()
    expect(stats.nodes).toBe(this.nodes.size)
    expect(stats.leases).toBe(this.all.reduce((sum, { leases }) => sum + leases.size, 0))
  }
}

const pick = fc.nat(1000)
const name = fc.constantFrom('a', 'b', 'c', 'd')
const ttl = fc.integer({ min: 1, max: 6000 })

const step = fc.oneof(
  fc.record({ kind: fc.constant('create' as const), at: pick, name, ttlMs: fc.option(ttl, { nil: undefined }) }),
  fc.record({ kind: fc.constant('delete' as const), at: pick }),
  fc.record({ kind: fc.constant('rename' as const), at: pick, to: pick, name }),
  fc.record({ kind: fc.constant('take' as const), at: pick, ttlMs: ttl }),
  fc.record({ kind: fc.constant('renew' as const), at: pick, which: pick }),
  fc.record({ kind: fc.constant('release' as const), at: pick, which: pick }),
  fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 3000 }) }),
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

async function run(model: Model, step: Step): Promise<void> {
  const { cluster, root } = model
  if (step.kind === 'advance') return cluster.clock.advance(step.ms)
  const parents = [root, ...model.all]
  if (step.kind === 'create') {
    const parent = parents[step.at % parents.length] ?? root
    const path = `${model.pathOf(parent)}/${step.name}`
    if (model.find(path)) return
    const { name, ttlMs } = step
    const made = await cluster.ask('create', { path, type: 'directory', ...(ttlMs !== undefined && { ttlMs }) })
    const node: ModelNode = { id: made.node, name, parent, leases: new Map() }
    if (ttlMs !== undefined) node.leases.set(made.lease ?? 0, { ttlMs, expiresMs: cluster.clock.now() + ttlMs })
    model.nodes.add(node)
    return
  }
  const node = model.all[step.at % model.nodes.size]
  if (!node) return
  const path = model.pathOf(node)
  switch (step.kind) {
    case 'delete':
      await cluster.ask('delete', { path, recursive: true })
      return model.remove(node)
    case 'rename': {
      const to = parents[step.to % parents.length] ?? root
      const target = `${model.pathOf(to)}/${step.name}`
      if (model.isBelow(to, node) || model.find(target)) return
      await cluster.ask('rename', { from: path, to: target })
      node.parent = to
      node.name = step.name
      return
    }
    case 'take': {
      const { lease } = await cluster.ask('takeLease', { path, ttlMs: step.ttlMs })
      node.leases.set(lease, { ttlMs: step.ttlMs, expiresMs: cluster.clock.now() + step.ttlMs })
      return
    }
    case 'renew':
    case 'release': {
      const [number, lease] = [...node.leases][step.which % node.leases.size] ?? []
      if (number === undefined || !lease) return
      const operation = step.kind === 'renew' ? 'renewLease' : 'releaseLease'
      const outcome = await codeOf(cluster.ask(operation, { node: node.id, lease: number }))
      expect(outcome).toBe(lease.expiresMs <= cluster.clock.now() ? 'NOT_FOUND' : 'no error')
      if (outcome === 'NOT_FOUND') return
      if (step.kind === 'release') node.leases.delete(number)
      else lease.expiresMs = cluster.clock.now() + lease.ttlMs
    }
  }
}

test('leases on any tree, with renames, renewals and expiries, agree with a naive model', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120, size: 'max' }), async steps => {
      const model = new Model()
      for (const step of steps) {
        await run(model, step)
        await model.check()
      }
    }),
    { numRuns: 60 },
  )
})
