import { describe, expect, test } from 'vitest'
import { codeOf, FakeCluster, messageOf } from './fakes.test.helper.ts'

const MIB = 1 << 20
const nothing = { nodes: 0, storedBytes: 0, blocks: 0, slots: 0 }

async function withTable(blocks = 16) {
  const cluster = new FakeCluster()
  cluster.joinStorage(blocks)
  const { node } = await cluster.ask('create', { path: '/t', type: 'table' })
  const put = async (key: string, text: string) => (await cluster.askBytes('put', { node, key }, Buffer.from(text))).head.stored
  const get = async (key: string) => (await cluster.askBytes('get', { node, key })).body.toString()
  return { cluster, node, put, get }
}

describe('a table', () => {
  test('holds keyvalues, and only a table does', async () => {
    const { cluster } = await withTable()
    await cluster.ask('create', { path: '/d', type: 'directory' })
    for (const type of ['file', 'directory', 'table', 'bag', 'action'] as const) {
      expect(await codeOf(cluster.ask('create', { path: '/t/x', type }))).toBe('TYPE_MISMATCH')
    }
    expect(await codeOf(cluster.ask('create', { path: '/d/x', type: 'keyvalue' }))).toBe('TYPE_MISMATCH')
    expect(await codeOf(cluster.ask('create', { path: '/x', type: 'keyvalue' }))).toBe('TYPE_MISMATCH')
    expect(await codeOf(cluster.ask('create', { path: '/t/x/y', type: 'keyvalue', parents: true }))).toBe('TYPE_MISMATCH')
    expect(await codeOf(cluster.ask('put', { path: '/t/x/y', parents: true }))).toBe('TYPE_MISMATCH')
    expect(await codeOf(cluster.ask('create', { path: '/t/x/y', type: 'keyvalue' }))).toBe('NOT_FOUND')
    expect(await cluster.ask('create', { path: '/t/k', type: 'keyvalue' })).toMatchObject({
      path: '/t/k',
      type: 'keyvalue',
      size: 0,
    })
    expect(await codeOf(cluster.ask('create', { path: '/t/k/y', type: 'keyvalue' }))).toBe('TYPE_MISMATCH')
    expect(await codeOf(cluster.ask('lookup', { path: '/t/k/y' }))).toBe('NOT_FOUND')
    expect(await messageOf(cluster.ask('create', { path: '/t/x', type: 'file' }))).toContain('/t')
  })

  test('is replaced while it is empty and deleted with its keys only when recursive', async () => {
    const { cluster, put } = await withTable()
    await cluster.ask('create', { path: '/t', type: 'table', ifExists: 'replace' })
    expect(await codeOf(put('k', 'value'))).toBe('NOT_FOUND')
    await cluster.ask('put', { path: '/t/k' })
    expect(await codeOf(cluster.ask('create', { path: '/t', type: 'table', ifExists: 'replace' }))).toBe('NOT_EMPTY')
    expect(await codeOf(cluster.ask('delete', { path: '/t' }))).toBe('NOT_EMPTY')
    expect(await cluster.ask('delete', { path: '/t', recursive: true })).toEqual({ deleted: true })
    expect(await cluster.ask('usage', {})).toMatchObject(nothing)
  })

  test('keeps its keys: they are renamed within it, never out of it or into it', async () => {
    const { cluster, put, get } = await withTable()
    await cluster.ask('create', { path: '/u', type: 'table' })
    await cluster.ask('create', { path: '/f', type: 'file' })
    await put('a', 'value')
    await put('c', 'other')
    for (const to of ['/a', '/u/a']) expect(await codeOf(cluster.ask('rename', { from: '/t/a', to }))).toBe('TYPE_MISMATCH')
    expect(await codeOf(cluster.ask('rename', { from: '/f', to: '/t/f' }))).toBe('TYPE_MISMATCH')
    expect(await codeOf(cluster.ask('rename', { from: '/t/a', to: '/t/c' }))).toBe('ALREADY_EXISTS')
    await cluster.ask('rename', { from: '/t/a', to: '/t/b' })
    expect(await get('b')).toBe('value')
    await cluster.ask('rename', { from: '/t', to: '/v' })
    expect(await get('b')).toBe('value')
    expect((await cluster.ask('list', { path: '/v' })).entries.sort((x, y) => (x.name < y.name ? -1 : 1))).toEqual([
      { name: 'b', type: 'keyvalue', size: 5 },
      { name: 'c', type: 'keyvalue', size: 5 },
    ])
  })

  test('has keys that are one part of a path', async () => {
    const { put } = await withTable()
    for (const key of ['', '.', '..', 'a/b', 'a\0b', 'x'.repeat(256), '\ud800'])
      expect(await codeOf(put(key, ''))).toBe('INVALID_PATH')
    expect(await put('ä'.repeat(127), 'value')).toBe(true)
  })
})

describe('a key', () => {
  test('is named by the id of its table, or by its path', async () => {
    const { cluster, node, put, get } = await withTable()
    await put('k', 'one')
    await put('k', 'three')
    expect(await get('k')).toBe('three')
    expect(await cluster.ask('stat', { node, key: 'k' })).toMatchObject({ path: '/t/k', type: 'keyvalue', size: 5 })
    expect(await cluster.ask('stat', { path: '/t' })).toMatchObject({ size: 0 })
    expect(await codeOf(get('none'))).toBe('NOT_FOUND')
    expect(await messageOf(get('none'))).toContain('/t/none')
    expect(await cluster.ask('delete', { node, key: 'k' })).toEqual({ deleted: true })
    expect(await cluster.ask('delete', { node, key: 'k' })).toEqual({ deleted: false })
    expect(await codeOf(cluster.ask('stat', { path: '/t', key: 'k' }))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(cluster.ask('stat', { key: 'k' }))).toBe('INVALID_ARGUMENT')
    const file = await cluster.ask('create', { path: '/f', type: 'file' })
    expect(await codeOf(cluster.ask('stat', { node: file.node, key: 'k' }))).toBe('TYPE_MISMATCH')
    await cluster.ask('delete', { path: '/t' })
    expect(await codeOf(cluster.ask('delete', { node, key: 'k' }))).toBe('NOT_FOUND')
  })

  test('has any number of writers, of which the last to close wins', async () => {
    const { cluster, node, put, get } = await withTable()
    const open = () => cluster.ask('openWrite', { node, key: 'k', mode: 'put', blocks: 2 })
    const [first, second, third] = [await open(), await open(), await open()]
    await cluster.ask('commit', { claim: second.claim, size: 2 * MIB, close: true })
    const opened = await cluster.ask('openRead', { node, key: 'k' })
    expect(await cluster.ask('commit', { claim: first.claim, size: 10, close: true })).toMatchObject({ path: '/t/k', size: 10 })
    const locate = { node: opened.node, version: opened.version, first: 0, blocks: 1 }
    expect(await codeOf(cluster.ask('locate', locate))).toBe('BLOCK_GONE')
    expect(await cluster.ask('usage', {})).toMatchObject({ nodes: 2, storedBytes: 10, blocks: 3, slots: 0 })
    expect(await put('k', 'small')).toBe(true)
    expect(await get('k')).toBe('small')
    await cluster.ask('release', { claim: third.claim })
    expect(await cluster.ask('usage', {})).toMatchObject({ nodes: 2, storedBytes: 5, blocks: 0, slots: 0 })
    expect((await cluster.ask('stat', { node: opened.node })).size).toBe(5)
  })

  test('that was deleted while it was being put is there again; with its table it is NOT_FOUND', async () => {
    const { cluster, node, put } = await withTable()
    await put('k', 'old')
    const first = await cluster.ask('openWrite', { node, key: 'k', mode: 'put' })
    const second = await cluster.ask('openWrite', { node, key: 'k', mode: 'put' })
    const keyvalue = await cluster.ask('stat', { node, key: 'k' })
    const third = await cluster.ask('openWrite', { node: keyvalue.node, mode: 'replace' })
    await cluster.ask('delete', { node, key: 'k' })
    await cluster.ask('commit', { claim: first.claim, size: 3, close: true })
    expect((await cluster.ask('stat', { path: '/t/k' })).size).toBe(3)
    expect(await codeOf(cluster.ask('commit', { claim: third.claim, size: 3, close: true }))).toBe('NOT_FOUND')
    await cluster.ask('delete', { path: '/t', recursive: true })
    expect(await codeOf(cluster.ask('commit', { claim: second.claim, size: 3, close: true }))).toBe('NOT_FOUND')
    expect(await cluster.ask('usage', {})).toMatchObject(nothing)
  })

  test('is replaced whole, never added to', async () => {
    const { cluster, put } = await withTable()
    await put('k', 'old')
    for (const mode of ['append', 'update'] as const) {
      expect(await codeOf(cluster.ask('openWrite', { path: '/t/k', mode }))).toBe('TYPE_MISMATCH')
    }
  })
})
