import type { StoreClient } from 'glider'
import { describe, expect, it } from 'vitest'
import { failureOf } from './support/failure.ts'
import { deleteAll, itLeavesNothing, shareCluster } from './support/shared-cluster.ts'
import { bytesOf, ended, textOf, writeAll, written } from './support/streams.ts'

const shared = shareCluster({ capacity: '32MiB', slots: 4, threads: 1 })

/** A directory of its own for each test. */
let directories = 0
async function directory(): Promise<string> {
  const path = `/d${directories++}`
  await shared.store.create(path, 'directory')
  return path
}

async function namesIn(store: StoreClient, path: string): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of store.list(path)) names.push(name)
  return names.sort()
}

describe('paths', () => {
  const invalid = {
    'not absolute': 'a/b',
    'the empty string': '',
    'an empty part': '/a//b',
    'a trailing slash': '/a/',
    'a dot': '/a/./b',
    'two dots': '/a/..',
    'a NUL': '/a\0b',
    'an unpaired surrogate': '/a\ud800',
    'a part of 256 bytes': `/${'a'.repeat(256)}`,
    'a part of 256 bytes in two-byte characters': `/${'ä'.repeat(128)}`,
    'more than 4,096 bytes': `/${'abcdefg/'.repeat(512)}a`,
  }

  it.each(Object.entries(invalid))('with %s are INVALID_PATH for every operation', async (_, path) => {
    const { store } = shared
    const asked = [
      store.create(path, 'file'),
      store.create('/near', 'file', { near: path }),
      store.lookup(path),
      store.stat(path),
      store.exists(path),
      store.list(path)[Symbol.asyncIterator]().next(),
      store.delete(path),
      store.rename(path, '/x'),
      store.rename('/missing', path),
      store.put(path, 'x'),
      store.get(path),
    ]
    for (const failure of await Promise.all(asked.map(failureOf))) expect(failure.code).toBe('INVALID_PATH')
    expect(await store.exists('/near')).toBe(false)
  })

  it('are kept as they are: any other character, case, and no normalisation', async () => {
    const { store } = shared
    const base = await directory()
    const names = ['a', 'A', ' ', '\\', '\n', '*', 'é', 'e\u0301', '🙂', '...', '-', '\u007f', 'ä'.repeat(127), 'x'.repeat(255)]
    for (const name of names) await store.create(`${base}/${name}`, 'directory')
    expect(await namesIn(store, base)).toEqual([...names].sort())
    const deep = `/${'x'.repeat(255)}`.repeat(16)
    expect(Buffer.byteLength(deep)).toBe(4096)
    expect((await store.create(deep, 'file', { parents: true })).path).toBe(deep)
    expect(await store.exists(deep)).toBe(true)
  })
})

describe('checks', () => {
  it('come in the order path, parent, type, existence, space', async () => {
    const { store } = shared
    const base = await directory()
    await store.put(`${base}/file`, 'x')
    const wrong = { storageClass: 'wrong' }
    expect((await failureOf(store.create(`${base}/missing//x`, 'file', wrong))).code).toBe('INVALID_PATH')
    expect((await failureOf(store.create(`${base}/missing/x`, 'file', wrong))).code).toBe('NOT_FOUND')
    expect((await failureOf(store.create(`${base}/file/x`, 'file', wrong))).code).toBe('TYPE_MISMATCH')
    expect((await failureOf(store.create(`${base}/file`, 'file', wrong))).code).toBe('ALREADY_EXISTS')
    const open = { ...wrong, ifExists: 'open' } as const
    expect((await failureOf(store.create(`${base}/file`, 'directory', open))).code).toBe('TYPE_MISMATCH')
    expect((await failureOf(store.create(`${base}/new`, 'file', wrong))).code).toBe('INVALID_ARGUMENT')
  })

  it('that fail change nothing', async () => {
    const { store } = shared
    const base = await directory()
    const before = await store.usage()
    await failureOf(store.create(`${base}/a/b/c`, 'file', { parents: true, storageClass: 'wrong' }))
    await failureOf(store.put(`${base}/a/b/c`, 'x', { parents: true, storageClass: ['dram', 'wrong'] }))
    await failureOf(store.put(`${base}/a/b/c`, 'x'))
    expect(await namesIn(store, base)).toEqual([])
    expect(await store.usage()).toEqual(before)
  })
})

describe('create', () => {
  it('answers a proxy of the type at the path', async () => {
    const { store } = shared
    const base = await directory()
    for (const type of ['file', 'directory', 'action'] as const) {
      const node = await store.create(`${base}/${type}`, type)
      expect([node.type, node.path]).toEqual([type, `${base}/${type}`])
    }
  })

  it('fails on what exists unless told to open or to replace it', async () => {
    const { store } = shared
    const base = await directory()
    const path = `${base}/x`
    await store.put(path, 'old')
    expect(await failureOf(store.create(path, 'file'))).toMatchObject({
      code: 'ALREADY_EXISTS',
      message: expect.stringContaining(path),
    })
    expect((await failureOf(store.create(path, 'file', { ifExists: 'error' }))).code).toBe('ALREADY_EXISTS')
    expect(await textOf((await store.create(path, 'file', { ifExists: 'open' })).createReadStream())).toBe('old')
    expect((await failureOf(store.create(path, 'action', { ifExists: 'open' }))).code).toBe('TYPE_MISMATCH')
    await store.create(path, 'file', { ifExists: 'replace' })
    expect((await store.get(path)).length).toBe(0)
    await store.create(path, 'directory', { ifExists: 'replace' })
    expect((await store.stat(path)).type).toBe('directory')
  })

  it('replaces an empty directory, but not one that holds something', async () => {
    const { store } = shared
    const base = await directory()
    await store.create(`${base}/d`, 'directory')
    await store.create(`${base}/d`, 'directory', { ifExists: 'replace' })
    await store.put(`${base}/d/x`, 'kept')
    expect((await failureOf(store.create(`${base}/d`, 'file', { ifExists: 'replace' }))).code).toBe('NOT_EMPTY')
    expect((await store.get(`${base}/d/x`)).toString()).toBe('kept')
  })

  it('makes missing parents only when asked to, and never below what can hold nothing', async () => {
    const { store } = shared
    const base = await directory()
    expect(await failureOf(store.create(`${base}/a/b/c`, 'file'))).toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(`${base}/a/b`),
    })
    await store.create(`${base}/a/b/c`, 'file', { parents: true })
    expect((await store.stat(`${base}/a/b`)).type).toBe('directory')
    await store.create(`${base}/a/b/c`, 'file', { parents: true, ifExists: 'open' })
    await store.create(`${base}/action`, 'action')
    for (const parent of [`${base}/a/b/c`, `${base}/action`]) {
      expect((await failureOf(store.create(`${parent}/x`, 'file'))).code).toBe('TYPE_MISMATCH')
      expect((await failureOf(store.create(`${parent}/x`, 'file', { parents: true }))).code).toBe('TYPE_MISMATCH')
      expect((await failureOf(store.create(`${parent}/x/y`, 'file', { parents: true }))).code).toBe('TYPE_MISMATCH')
    }
  })

  it('never touches the root', async () => {
    const { store } = shared
    expect((await failureOf(store.create('/', 'directory'))).code).toBe('ALREADY_EXISTS')
    expect((await failureOf(store.create('/', 'directory', { ifExists: 'replace' }))).code).toBe('ALREADY_EXISTS')
    expect((await store.create('/', 'directory', { ifExists: 'open' })).path).toBe('/')
    expect((await failureOf(store.put('/', 'x'))).code).toBe('TYPE_MISMATCH')
    for (const recursive of [true, false])
      expect((await failureOf(store.delete('/', { recursive }))).code).toBe('INVALID_ARGUMENT')
    expect((await failureOf(store.rename('/', '/x'))).code).toBe('INVALID_ARGUMENT')
    expect((await failureOf(store.rename('/', '/'))).code).toBe('INVALID_ARGUMENT')
    expect(await store.stat('/')).toMatchObject({ path: '/', type: 'directory', size: 0 })
  })
})

describe('lookup, stat and exists', () => {
  it('tell what is there', async () => {
    const { store } = shared
    const base = await directory()
    await store.put(`${base}/file`, 'ä')
    await store.create(`${base}/action`, 'action')
    expect(await store.stat(`${base}/file`)).toMatchObject({
      path: `${base}/file`,
      type: 'file',
      size: 2,
      storageClass: 'dram',
      createdAt: expect.any(Date),
    })
    expect(await store.stat(base)).toMatchObject({ type: 'directory', size: 0 })
    expect(await store.stat(`${base}/action`)).toMatchObject({
      type: 'action',
      size: 0,
      storageClass: 'active',
      object: { state: 'empty' },
    })
    expect((await store.lookup(`${base}/file`)).type).toBe('file')
    expect((await store.lookup(`${base}/file`, 'file')).type).toBe('file')
    expect(await failureOf(store.lookup(`${base}/file`, 'directory'))).toMatchObject({
      code: 'TYPE_MISMATCH',
      message: expect.stringContaining(`${base}/file`),
    })
    expect(await store.exists(`${base}/file`)).toBe(true)
    expect(await store.exists('/')).toBe(true)
  })

  it('find nothing where nothing is, nor below what holds nothing', async () => {
    const { store } = shared
    const base = await directory()
    await store.put(`${base}/file`, '')
    await store.create(`${base}/action`, 'action')
    for (const path of [`${base}/x`, `${base}/x/y`, `${base}/file/x`, `${base}/action/x/y`]) {
      expect((await failureOf(store.lookup(path))).code).toBe('NOT_FOUND')
      expect((await failureOf(store.stat(path))).code).toBe('NOT_FOUND')
      expect((await failureOf(store.get(path))).code).toBe('NOT_FOUND')
      expect((await failureOf(store.list(path)[Symbol.asyncIterator]().next())).code).toBe('NOT_FOUND')
      expect(await store.exists(path)).toBe(false)
      expect(await store.delete(path)).toBe(false)
    }
  })
})

describe('list', () => {
  it('gives each child once, with what it is', async () => {
    const { store } = shared
    const base = await directory()
    await store.put(`${base}/file`, 'abc')
    await store.create(`${base}/sub`, 'directory')
    await store.put(`${base}/sub/below`, 'not listed')
    const entries = []
    for await (const entry of store.list(base)) entries.push(entry)
    expect(entries.sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { name: 'file', path: `${base}/file`, type: 'file', size: 3 },
      { name: 'sub', path: `${base}/sub`, type: 'directory', size: 0 },
    ])
    const root = []
    for await (const { path } of store.list('/')) root.push(path)
    expect(root).toContain(base)
  })

  it('fails at its first step, not when it is asked for', async () => {
    const { store } = shared
    const base = await directory()
    await store.put(`${base}/file`, '')
    const steps = store.list(`${base}/file`)[Symbol.asyncIterator]()
    expect((await failureOf(steps.next())).code).toBe('TYPE_MISMATCH')
    await store.create(`${base}/action`, 'action')
    expect((await failureOf(store.list(`${base}/action`)[Symbol.asyncIterator]().next())).code).toBe('TYPE_MISMATCH')
  })

  it('gives each of 1,500 children that stay exactly once while others come and go', async () => {
    const { store } = shared
    const base = await directory()
    const make = (prefix: string, count: number): Promise<unknown> =>
      Promise.all(Array.from({ length: count }, (_, i) => store.create(`${base}/${prefix}${i}`, 'directory')))
    await make('before', 100)
    await make('stays', 1500)
    await make('goes', 100)
    const seen = new Map<string, number>()
    let changes = 0
    for await (const { name } of store.list(base)) {
      seen.set(name, (seen.get(name) ?? 0) + 1)
      if (changes < 100 && seen.size % 10 === 1) {
        await store.delete(`${base}/before${changes}`)
        await store.delete(`${base}/goes${changes}`)
        await store.create(`${base}/comes${changes}`, 'directory')
        changes++
      }
    }
    expect(changes).toBe(100)
    for (let i = 0; i < 1500; i++) expect(seen.get(`stays${i}`)).toBe(1)
    for (const [, times] of seen) expect(times).toBe(1)
    await store.delete(base, { recursive: true })
  })
})

describe('delete', () => {
  it('answers whether something was there', async () => {
    const { store } = shared
    const base = await directory()
    await store.put(`${base}/x`, 'x')
    expect(await store.delete(`${base}/x`)).toBe(true)
    expect(await store.delete(`${base}/x`)).toBe(false)
    expect(await store.exists(`${base}/x`)).toBe(false)
  })

  it('takes a directory that holds something only when recursive, and then all below it', async () => {
    const { store } = shared
    const base = await directory()
    await store.put(`${base}/a/b/c`, Buffer.alloc(3 << 20), { parents: true })
    await store.create(`${base}/a/action`, 'action')
    const { blocks } = await store.usage()
    expect(await failureOf(store.delete(`${base}/a`))).toMatchObject({
      code: 'NOT_EMPTY',
      message: expect.stringContaining('recursive'),
    })
    expect(await store.exists(`${base}/a/b/c`)).toBe(true)
    expect(await store.delete(`${base}/a`, { recursive: true })).toBe(true)
    expect(await store.exists(`${base}/a/b/c`)).toBe(false)
    expect((await store.usage()).blocks).toBe(blocks - 3)
    expect(await store.delete(base)).toBe(true)
  })

  it('never waits for file streams', async () => {
    const { store } = shared
    const base = await directory()
    const file = await store.create(`${base}/x`, 'file')
    const writer = file.createWriteStream()
    await written(writer, 'begun')
    writer.on('error', () => {})
    expect(await store.delete(`${base}/x`)).toBe(true)
    writer.destroy()
  })
})

describe('rename', () => {
  it('moves a whole subtree at once', async () => {
    const { store } = shared
    const base = await directory()
    await store.put(`${base}/a/b/c`, 'bytes', { parents: true })
    await store.rename(`${base}/a`, `${base}/z`)
    expect((await store.get(`${base}/z/b/c`)).toString()).toBe('bytes')
    expect(await store.exists(`${base}/a`)).toBe(false)
  })

  it('refuses what cannot be and changes nothing then', async () => {
    const { store } = shared
    const base = await directory()
    await store.put(`${base}/a/x`, 'bytes', { parents: true })
    await store.put(`${base}/file`, 'bytes')
    const code = async (from: string, to: string): Promise<string> =>
      (await failureOf(store.rename(`${base}${from}`, `${base}${to}`))).code
    expect(await code('/missing', '/new')).toBe('NOT_FOUND')
    expect(await code('/a', '/missing/new')).toBe('NOT_FOUND')
    expect(await code('/a', '/file')).toBe('ALREADY_EXISTS')
    expect(await code('/a', '/file/x')).toBe('TYPE_MISMATCH')
    expect(await code('/a', '/a/x/y')).toBe('INVALID_ARGUMENT')
    expect(await code('/a', '/a/new')).toBe('INVALID_ARGUMENT')
    await store.rename(`${base}/a`, `${base}/a`)
    expect(await namesIn(store, base)).toEqual(['a', 'file'])
    expect(await namesIn(store, `${base}/a`)).toEqual(['x'])
    await store.rename(`${base}/a`, `${base}/ab`)
  })

  it('lets open streams go on', async () => {
    const { store } = shared
    const base = await directory()
    await store.put(`${base}/a/read`, Buffer.alloc(3 << 20, 'r'), { parents: true })
    const written0 = await store.create(`${base}/a/write`, 'file')
    const reader = (await store.lookup(`${base}/a/read`, 'file')).createReadStream()
    const writer = written0.createWriteStream()
    const appender = (await store.create(`${base}/a/append`, 'file')).createWriteStream({ append: true })
    const [first] = await Promise.all([reader[Symbol.asyncIterator]().next(), written(writer, 'one '), written(appender, '1')])
    expect(first.done).toBe(false)
    await store.rename(`${base}/a`, `${base}/b`)
    await Promise.all([written(writer, Buffer.alloc(2 << 20, 'w')), written(appender, '2')])
    await Promise.all([ended(writer), ended(appender)])
    expect((await store.stat(`${base}/b/write`)).size).toBe((2 << 20) + 4)
    expect((await store.get(`${base}/b/append`)).toString()).toBe('12')
    expect(await store.exists(`${base}/a`)).toBe(false)
    reader.destroy()
  })
})

describe('a proxy', () => {
  it('holds the node over a rename, and tells the new path once it has asked', async () => {
    const { store } = shared
    const base = await directory()
    const file = await store.create(`${base}/a/x`, 'file', { parents: true })
    const above = await store.lookup(`${base}/a`, 'directory')
    await store.rename(`${base}/a`, `${base}/b`)
    await writeAll(file.createWriteStream(), 'through the proxy')
    expect(await textOf(file.createReadStream())).toBe('through the proxy')
    expect((await store.get(`${base}/b/x`)).toString()).toBe('through the proxy')
    expect((await file.stat()).path).toBe(`${base}/b/x`)
    expect(file.path).toBe(`${base}/b/x`)
    const paths = []
    for await (const { path } of above.list()) paths.push(path)
    expect(paths).toEqual([`${base}/b/x`])
  })

  it('is NOT_FOUND after deletion, also where the name was created again or replaced', async () => {
    const { store } = shared
    const base = await directory()
    const file = await store.create(`${base}/x`, 'file')
    const inside = await store.create(`${base}/d`, 'directory')
    const action = await store.create(`${base}/action`, 'action')
    await store.delete(`${base}/x`)
    await store.create(`${base}/x`, 'file')
    await store.create(`${base}/d`, 'directory', { ifExists: 'replace' })
    await store.create(`${base}/action`, 'action', { ifExists: 'replace' })
    const failures = [
      file.stat(),
      bytesOf(file.createReadStream()),
      writeAll(file.createWriteStream(), 'x'),
      file.open(),
      file.open({ write: true }),
      inside.stat(),
      inside.list()[Symbol.asyncIterator]().next(),
      action.stat(),
      action.create('std/Counter'),
      action.delete(),
      action.call('value'),
      bytesOf(action.createReadStream()),
      writeAll(action.createWriteStream(), 'x'),
      action.openReader(),
      action.openWriter(),
    ]
    for (const failure of await Promise.all(failures.map(failureOf))) expect(failure.code).toBe('NOT_FOUND')
    expect((await store.get(`${base}/x`)).length).toBe(0)
  })
})

describe('storage classes', () => {
  it('are a class and then the order, or exactly an array; anything else is INVALID_ARGUMENT', async () => {
    const { store } = shared
    const base = await directory()
    for (const storageClass of ['dram', ['dram'], 'disk'] as const) {
      const path = `${base}/${String(storageClass)}${typeof storageClass}`
      await store.put(path, 'x', { storageClass })
      expect((await store.stat(path)).storageClass).toEqual(expect.any(String))
    }
    for (const storageClass of ['nvme', 'active', ['dram', 'nvme'], ['active'], ['dram', 'active']]) {
      const failure = await failureOf(store.create(`${base}/wrong`, 'file', { storageClass }))
      expect(failure).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(`${base}/wrong`) })
      expect((await failureOf(store.put(`${base}/wrong`, 'x', { storageClass }))).code).toBe('INVALID_ARGUMENT')
    }
    expect((await failureOf(store.create(`${base}/none`, 'file', { storageClass: [] }))).code).toBe('INVALID_ARGUMENT')
    expect((await failureOf(store.create(`${base}/act`, 'action', { storageClass: 'dram' }))).code).toBe('INVALID_ARGUMENT')
    await store.create(`${base}/act`, 'action', { storageClass: 'active' })
  })

  it('that are all full are NO_SPACE', async () => {
    const { store } = shared
    const base = await directory()
    // There is no disk server in this cluster: a class without servers is a full one.
    const bytes = Buffer.alloc(100_000, 'x')
    expect((await failureOf(store.put(`${base}/x`, bytes, { storageClass: ['disk'] }))).code).toBe('NO_SPACE')
    expect(await store.exists(`${base}/x`)).toBe(false)
    await store.put(`${base}/x`, bytes, { storageClass: ['disk', 'dram'] })
  })
})

itLeavesNothing(shared, deleteAll)
