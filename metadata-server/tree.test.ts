import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GliderError } from '../protocol/errors.ts'
import { Counter } from './counter.ts'
import { codeOf, FakeClock, FakeCluster, messageOf } from './fakes.test.helper.ts'
import { noJournal } from './journal/journal.ts'
import { FileNode } from './node.ts'
import { StorageOrders } from './orders.ts'
import { firstId, Tree } from './tree.ts'

describe('create', () => {
  test('a missing parent is NOT_FOUND unless parents are asked for', async () => {
    const cluster = new FakeCluster()
    expect(await codeOf(cluster.ask('create', { path: '/a/b/c', type: 'file' }))).toBe('NOT_FOUND')
    expect(await cluster.ask('create', { path: '/a/b/c', type: 'file', parents: true })).toMatchObject({
      path: '/a/b/c',
      size: 0,
    })
    expect(await cluster.ask('stat', { path: '/a/b' })).toMatchObject({ type: 'directory' })
  })

  test('below what holds nothing it is TYPE_MISMATCH, with parents as well', async () => {
    const cluster = new FakeCluster()
    await cluster.ask('create', { path: '/f', type: 'file' })
    expect(await codeOf(cluster.ask('create', { path: '/f/x', type: 'file' }))).toBe('TYPE_MISMATCH')
    expect(await codeOf(cluster.ask('create', { path: '/f/x/y', type: 'file', parents: true }))).toBe('TYPE_MISMATCH')
    expect(await codeOf(cluster.ask('create', { path: '/f/x/y', type: 'file' }))).toBe('NOT_FOUND')
  })

  test('of what exists follows ifExists', async () => {
    const cluster = new FakeCluster()
    const first = await cluster.ask('create', { path: '/f', type: 'file' })
    expect(await codeOf(cluster.ask('create', { path: '/f', type: 'file' }))).toBe('ALREADY_EXISTS')
    expect(await cluster.ask('create', { path: '/f', type: 'file', ifExists: 'open' })).toEqual(first)
    expect(await codeOf(cluster.ask('create', { path: '/f', type: 'directory', ifExists: 'open' }))).toBe('TYPE_MISMATCH')
    const second = await cluster.ask('create', { path: '/f', type: 'directory', ifExists: 'replace' })
    expect(second.node).not.toBe(first.node)
    expect(await codeOf(cluster.ask('stat', { node: first.node }))).toBe('NOT_FOUND')
    await cluster.ask('create', { path: '/f/x', type: 'file' })
    expect(await codeOf(cluster.ask('create', { path: '/f', type: 'file', ifExists: 'replace' }))).toBe('NOT_EMPTY')
  })

  test('a failure changes nothing, missing parents included', async () => {
    const cluster = new FakeCluster()
    const wrong = { path: '/a/b', type: 'file', parents: true, storageClass: 'tape' } as const
    expect(await codeOf(cluster.ask('create', wrong))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(cluster.ask('create', { path: '/a/b', type: 'keyvalue', parents: true }))).toBe('TYPE_MISMATCH')
    expect((await cluster.ask('usage', {})).nodes).toBe(0)
    expect(await cluster.ask('exists', { path: '/a' })).toEqual({ exists: false })
  })

  test('the storage class must be known, and active is for actions only', async () => {
    const cluster = new FakeCluster()
    const make = (type: 'file' | 'action', storageClass: string | string[]) =>
      cluster.ask('create', { path: '/n', type, storageClass, ifExists: 'replace' })
    expect((await make('file', 'disk')).storageClass).toBe('disk')
    expect((await make('file', ['disk', 'dram'])).storageClass).toBe('disk')
    expect(await codeOf(make('file', 'active'))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(make('file', ['dram', 'active']))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(make('action', 'dram'))).toBe('INVALID_ARGUMENT')
    expect((await make('action', 'active')).storageClass).toBe('active')
    cluster.joinStorage(1, { storageClass: 'nvme' })
    expect((await make('file', 'nvme')).storageClass).toBe('nvme')
  })

  test('checks come in the order path, parent, type, existence, space', async () => {
    const cluster = new FakeCluster()
    await cluster.ask('create', { path: '/f', type: 'file' })
    expect(await codeOf(cluster.ask('create', { path: '/f/', type: 'bag', storageClass: 'tape' }))).toBe('INVALID_PATH')
    expect(await codeOf(cluster.ask('create', { path: '/none/x', type: 'file', storageClass: 'tape' }))).toBe('NOT_FOUND')
    expect(await codeOf(cluster.ask('create', { path: '/f', type: 'file', storageClass: 'tape' }))).toBe('ALREADY_EXISTS')
  })
})

test('the root exists always and is neither created, deleted nor renamed', async () => {
  const cluster = new FakeCluster()
  expect(await codeOf(cluster.ask('create', { path: '/', type: 'directory' }))).toBe('ALREADY_EXISTS')
  expect(await codeOf(cluster.ask('create', { path: '/', type: 'directory', ifExists: 'replace' }))).toBe('ALREADY_EXISTS')
  expect(await codeOf(cluster.ask('delete', { path: '/', recursive: true }))).toBe('INVALID_ARGUMENT')
  expect(await codeOf(cluster.ask('rename', { from: '/', to: '/x' }))).toBe('INVALID_ARGUMENT')
  const root = await cluster.ask('stat', { path: '/' })
  expect(await codeOf(cluster.ask('delete', { node: root.node }))).toBe('INVALID_ARGUMENT')
  expect(root).toMatchObject({ path: '/', type: 'directory', size: 0 })
})

test('a node is named by its path or its id, and by exactly one of the two', async () => {
  const cluster = new FakeCluster()
  const { node } = await cluster.ask('create', { path: '/f', type: 'file' })
  expect(await cluster.ask('stat', { node })).toEqual(await cluster.ask('stat', { path: '/f' }))
  expect(await codeOf(cluster.ask('stat', { node, path: '/f' }))).toBe('INVALID_ARGUMENT')
  expect(await codeOf(cluster.ask('stat', {}))).toBe('INVALID_ARGUMENT')
})

test('lookup checks the type, and below what holds nothing is NOT_FOUND', async () => {
  const cluster = new FakeCluster()
  await cluster.ask('create', { path: '/f', type: 'file' })
  expect(await codeOf(cluster.ask('lookup', { path: '/f', type: 'action' }))).toBe('TYPE_MISMATCH')
  expect(await codeOf(cluster.ask('lookup', { path: '/f/x' }))).toBe('NOT_FOUND')
  expect(await cluster.ask('exists', { path: '/f/x' })).toEqual({ exists: false })
  expect(await cluster.ask('delete', { path: '/f/x' })).toEqual({ deleted: false })
  expect(await messageOf(cluster.ask('lookup', { path: '/none' }))).toContain('/none')
})

test('a rename moves the whole subtree, and ids follow', async () => {
  const cluster = new FakeCluster()
  const { node } = await cluster.ask('create', { path: '/a/b/f', type: 'file', parents: true })
  await cluster.ask('create', { path: '/z', type: 'directory' })
  await cluster.ask('rename', { from: '/a', to: '/z/y' })
  expect((await cluster.ask('stat', { node })).path).toBe('/z/y/b/f')
  expect(await cluster.ask('exists', { path: '/a' })).toEqual({ exists: false })
  expect(await codeOf(cluster.ask('rename', { from: '/z', to: '/z/y/b/q' }))).toBe('INVALID_ARGUMENT')
  expect(await codeOf(cluster.ask('rename', { from: '/none', to: '/q' }))).toBe('NOT_FOUND')
  expect(await codeOf(cluster.ask('rename', { from: '/z', to: '/none/q' }))).toBe('NOT_FOUND')
  expect(await codeOf(cluster.ask('rename', { from: '/z/y', to: '/z' }))).toBe('ALREADY_EXISTS')
  expect((await cluster.ask('rename', { from: '/z', to: '/z' })).path).toBe('/z')
})

test('what is below a deleted directory is gone at once, also by id', async () => {
  const cluster = new FakeCluster()
  const { node } = await cluster.ask('create', { path: '/d/e/f', type: 'file', parents: true })
  for (let i = 0; i < 3000; i += 1) cluster.askNow('create', { path: `/d/e/${i}`, type: 'file' })
  expect(await codeOf(cluster.ask('delete', { path: '/d' }))).toBe('NOT_EMPTY')
  const deletion = cluster.ask('delete', { path: '/d', recursive: true })
  expect(await codeOf(cluster.ask('stat', { node }))).toBe('NOT_FOUND')
  expect(cluster.server.stats().nodes).toBeGreaterThan(2000)
  await cluster.clock.advance(1)
  expect(await deletion).toEqual({ deleted: true })
  expect(cluster.server.stats().nodes).toBe(0)
})

test('ids are higher at a later start, although nothing is remembered', async () => {
  const clock = new FakeClock()
  const order = new StorageOrders(['dram']).default
  const start = (): Tree => {
    const createdAt = clock.wallTime()
    const root = { id: firstId(createdAt), createdAt }
    return new Tree({ ids: new Counter(1), wallTime: () => clock.wallTime(), journal: noJournal, order, root })
  }
  const before = start()
  for (let i = 0; i < 4000; i += 1) addFile(before, `/f${i}`)
  const last = addFile(before, '/last')
  clock.standStill(1)
  expect(addFile(start(), '/first').id).toBeGreaterThan(last.id)

  function addFile(tree: Tree, path: string): FileNode {
    const place = tree.place(path, false)
    if (place.node) throw new Error('taken')
    return tree.add(place, birth => new FileNode(birth, order))
  }
})

/** The simplest thing that follows the rules: types by path. */
class Model {
  readonly types = new Map<string, string>([['/', 'directory']])

  /** What `put` makes there. */
  put(path: string, parents: boolean): string {
    const missing = this.#checkParent(path, parents)
    const old = this.types.get(path)
    if (old !== undefined) return old === 'file' || old === 'keyvalue' ? old : fail('TYPE_MISMATCH')
    const type = missing.length === 0 && this.types.get(above(path)) === 'table' ? 'keyvalue' : 'file'
    this.#checkHolds(path, missing, type)
    for (const one of missing) this.types.set(one, 'directory')
    this.types.set(path, type)
    return type
  }

  /** A table holds keyvalues, and nothing else does. */
  #checkHolds(path: string, missing: string[], type: string): void {
    const parent = this.types.get(above(missing[0] ?? path))
    const held = missing.length > 0 ? 'directory' : type
    if ((parent === 'table') !== (held === 'keyvalue')) fail('TYPE_MISMATCH')
    if (missing.length > 0 && type === 'keyvalue') fail('TYPE_MISMATCH')
  }

  #checkParent(path: string, parents: boolean): string[] {
    const parts = path.slice(1).split('/')
    const missing: string[] = []
    for (let i = 1; i < parts.length; i += 1) {
      const above = `/${parts.slice(0, i).join('/')}`
      const type = this.types.get(above)
      if (type === undefined) missing.push(above)
      else if (type !== 'directory' && type !== 'table' && (parents || i === parts.length - 1)) return fail('TYPE_MISMATCH')
    }
    if (missing.length > 0 && !parents) fail('NOT_FOUND')
    return missing
  }

  create(path: string, type: string, parents: boolean): string {
    const missing = this.#checkParent(path, parents)
    this.#checkHolds(path, missing, type)
    if (this.types.has(path)) fail('ALREADY_EXISTS')
    for (const above of missing) this.types.set(above, 'directory')
    this.types.set(path, type)
    return type
  }

  below(path: string): string[] {
    return [...this.types.keys()].filter(other => other.startsWith(path === '/' ? '/' : `${path}/`) && other !== '/')
  }

  delete(path: string, recursive: boolean): boolean {
    if (!this.types.has(path)) return false
    const below = this.below(path)
    if (below.length > 0 && !recursive) fail('NOT_EMPTY')
    for (const one of [path, ...below]) this.types.delete(one)
    return true
  }

  rename(from: string, to: string): string {
    const type = this.types.get(from)
    if (type === undefined) return fail('NOT_FOUND')
    if (from === to) return type
    if (to.startsWith(`${from}/`)) fail('INVALID_ARGUMENT')
    this.#checkParent(to, false)
    if (type === 'keyvalue' && above(from) !== above(to)) fail('TYPE_MISMATCH')
    this.#checkHolds(to, [], type)
    if (this.types.has(to)) fail('ALREADY_EXISTS')
    for (const one of [from, ...this.below(from)]) {
      this.types.set(to + one.slice(from.length), this.types.get(one) ?? '')
      this.types.delete(one)
    }
    return type
  }

  list(path: string): string[] {
    const type = this.types.get(path)
    if (type === undefined) fail('NOT_FOUND')
    if (type !== 'directory' && type !== 'table') fail('TYPE_MISMATCH')
    const depth = path === '/' ? 1 : path.split('/').length
    return this.below(path)
      .filter(other => other.split('/').length === depth + 1)
      .map(other => `${other.slice(other.lastIndexOf('/') + 1)} ${this.types.get(other)}`)
      .sort()
  }
}

function above(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}

function fail(code: 'NOT_FOUND' | 'ALREADY_EXISTS' | 'NOT_EMPTY' | 'TYPE_MISMATCH' | 'INVALID_ARGUMENT'): never {
  throw new GliderError(code, 'of the model')
}

async function outcome(run: () => unknown): Promise<unknown> {
  try {
    return await run()
  } catch (error) {
    return error instanceof GliderError ? error.code : error
  }
}

test('any sequence of operations does what a naive model does', async () => {
  const path = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 }).map(parts => `/${parts.join('/')}`)
  const type = fc.constantFrom('file', 'directory', 'directory', 'action', 'table', 'table', 'keyvalue', 'bag')
  const step = fc.oneof(
    fc.record({ do: fc.constant('create' as const), path, type, flag: fc.boolean() }),
    fc.record({ do: fc.constant('put' as const), path, flag: fc.boolean() }),
    fc.record({ do: fc.constant('delete' as const), path, flag: fc.boolean() }),
    fc.record({ do: fc.constant('rename' as const), path, to: path }),
    fc.record({ do: fc.constant('list' as const), path: fc.oneof(path, fc.constant('/')) }),
    fc.record({ do: fc.constant('look' as const), path }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
      const cluster = new FakeCluster()
      const model = new Model()
      for (const one of steps) {
        const [real, expected] = await Promise.all([outcome(() => act(cluster, one)), outcome(() => actModel(model, one))])
        expect(real).toEqual(expected)
        expect(cluster.server.stats().nodes).toBe(model.types.size - 1)
      }
    }),
    { numRuns: 300 },
  )

  type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

  async function act(cluster: FakeCluster, one: Step): Promise<unknown> {
    switch (one.do) {
      case 'create':
        return (await cluster.ask('create', { path: one.path, type: one.type, parents: one.flag })).type
      case 'put':
        await cluster.ask('put', { path: one.path, parents: one.flag })
        return (await cluster.ask('stat', { path: one.path })).type
      case 'delete':
        return (await cluster.ask('delete', { path: one.path, recursive: one.flag })).deleted
      case 'rename':
        return (await cluster.ask('rename', { from: one.path, to: one.to })).type
      case 'list': {
        const { entries } = await cluster.ask('list', { path: one.path })
        return entries.map(entry => `${entry.name} ${entry.type}`).sort()
      }
      case 'look': {
        const { exists } = await cluster.ask('exists', { path: one.path })
        return exists ? (await cluster.ask('stat', { path: one.path })).type : undefined
      }
    }
  }

  function actModel(model: Model, one: Step): unknown {
    switch (one.do) {
      case 'create':
        return model.create(one.path, one.type, one.flag)
      case 'put':
        return model.put(one.path, one.flag)
      case 'delete':
        return model.delete(one.path, one.flag)
      case 'rename':
        return model.rename(one.path, one.to)
      case 'list':
        return model.list(one.path)
      case 'look':
        return model.types.get(one.path)
    }
  }
})
