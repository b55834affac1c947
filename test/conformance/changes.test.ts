import type { Writable } from 'node:stream'
import type { ListEntry } from 'glider'
import { describe, expect, it } from 'vitest'
import { codeOf, failureOf } from '../support/failure.ts'
import { bytesOf, ended, errorOf, textOf, writeAll, written } from '../support/streams.ts'
import { openDeployment } from './support/deployment.ts'
import { allOf, firstOf, namesIn } from './support/tree.ts'

const deployment = openDeployment()
const MiB = 1 << 20

function byName(entries: ListEntry[]): ListEntry[] {
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
}

describe('list', () => {
  it('gives each child once, with what it is, and nothing further below', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await store.put(`${base}/file`, 'abc')
    await store.put(`${base}/sub/below`, 'not listed', { parents: true })
    await store.create(`${base}/table`, 'table')
    await store.put(`${base}/table/key`, 'value')
    await store.create(`${base}/action`, 'action')
    await writeAll((await store.create(`${base}/bag`, 'bag')).append(), 'part')
    const expected = [
      { name: 'action', path: `${base}/action`, type: 'action', size: 0 },
      { name: 'bag', path: `${base}/bag`, type: 'bag', size: 4 },
      { name: 'file', path: `${base}/file`, type: 'file', size: 3 },
      { name: 'sub', path: `${base}/sub`, type: 'directory', size: 0 },
      { name: 'table', path: `${base}/table`, type: 'table', size: 0 },
    ]
    expect(byName(await allOf(store.list(base)))).toEqual(expected)
    expect(byName(await allOf((await store.lookup(base, 'directory')).list()))).toEqual(expected)
    expect(await allOf(store.list(`${base}/table`))).toEqual([
      { name: 'key', path: `${base}/table/key`, type: 'keyvalue', size: 5 },
    ])
  })

  it('of an empty directory ends at once', async () => {
    expect(await allOf(deployment.store.list(await deployment.directory()))).toEqual([])
  })

  it('fails at its first step, not when it is asked for', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    const steps = [store.list('no path'), store.list(`${base}/missing`)].map(list => list[Symbol.asyncIterator]())
    expect(await Promise.all(steps.map(step => codeOf(step.next())))).toEqual(['INVALID_PATH', 'NOT_FOUND'])
  })

  it('of anything but a directory or table is TYPE_MISMATCH', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    for (const type of ['file', 'bag', 'action'] as const) {
      await store.create(`${base}/${type}`, type)
      expect(await codeOf(firstOf(store.list(`${base}/${type}`)))).toBe('TYPE_MISMATCH')
    }
    await store.create(`${base}/table`, 'table')
    await store.put(`${base}/table/key`, '')
    expect(await codeOf(firstOf(store.list(`${base}/table/key`)))).toBe('TYPE_MISMATCH')
  })

  it('gives each of 2,100 children that stay exactly once while others come and go', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    const make = (prefix: string, count: number): Promise<unknown> =>
      Promise.all(Array.from({ length: count }, (_, i) => store.create(`${base}/${prefix}${i}`, 'directory')))
    await make('before', 100)
    await make('stays', 2100)
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
    for (let i = 0; i < 2100; i++) expect([i, seen.get(`stays${i}`)]).toEqual([i, 1])
    expect(new Set(seen.values())).toEqual(new Set([1]))
  })

  it('can be left before its end, and asked for again', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    for (const name of ['a', 'b', 'c']) await store.create(`${base}/${name}`, 'directory')
    const list = store.list(base)
    for await (const { name } of list) {
      expect(['a', 'b', 'c']).toContain(name)
      break
    }
    expect(await namesIn(store, base)).toEqual(['a', 'b', 'c'])
  })
})

describe('delete', () => {
  it('answers whether something was there', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await store.create(`${base}/table`, 'table')
    await store.put(`${base}/table/key`, 'x')
    expect(await store.delete(`${base}/table/key`)).toBe(true)
    expect(await store.delete(`${base}/table/key`)).toBe(false)
    for (const type of ['file', 'directory', 'table', 'bag', 'action'] as const) {
      await store.create(`${base}/${type}`, type, { ifExists: 'open' })
      expect(await store.delete(`${base}/${type}`)).toBe(true)
      expect(await store.delete(`${base}/${type}`)).toBe(false)
      expect(await store.exists(`${base}/${type}`)).toBe(false)
    }
  })

  it('of one node by many at the same time is true for one', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    const other = await deployment.connect()
    await store.put(`${base}/x`, 'x')
    const answers = await Promise.all([store, other, store, other].map(client => client.delete(`${base}/x`)))
    expect(answers.filter(Boolean)).toEqual([true])
  })

  it('of a directory or table that is not empty is NOT_EMPTY unless recursive, which takes all below it', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await store.put(`${base}/directory/b/c`, Buffer.alloc(2 * MiB), { parents: true })
    await store.create(`${base}/directory/action`, 'action')
    await store.create(`${base}/table`, 'table')
    await store.put(`${base}/table/key`, 'x')
    for (const name of ['directory', 'table']) {
      const path = `${base}/${name}`
      expect(await failureOf(store.delete(path))).toMatchObject({
        code: 'NOT_EMPTY',
        message: expect.stringContaining('recursive'),
      })
      expect(await codeOf(store.delete(path, { recursive: false }))).toBe('NOT_EMPTY')
    }
    expect(await store.exists(`${base}/directory/b/c`)).toBe(true)
    expect(await store.exists(`${base}/table/key`)).toBe(true)
    for (const name of ['directory', 'table']) expect(await store.delete(`${base}/${name}`, { recursive: true })).toBe(true)
    expect(await store.exists(`${base}/directory/b/c`)).toBe(false)
    expect(await store.exists(`${base}/table/key`)).toBe(false)
    expect(await namesIn(store, base)).toEqual([])
  })

  it('never waits for file streams', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await store.put(`${base}/file`, Buffer.alloc(8 * MiB))
    const file = await store.lookup(`${base}/file`, 'file')
    const bag = await store.create(`${base}/bag`, 'bag')
    const reader = file.createReadStream()
    await firstOf(reader.iterator({ destroyOnReturn: false }))
    const writers = [file.createWriteStream({ append: true }), bag.append()]
    await Promise.all(writers.map(writer => written(writer, 'begun')))
    for (const stream of [reader, ...writers]) stream.on('error', () => {})
    expect(await store.delete(`${base}/file`)).toBe(true)
    expect(await store.delete(`${base}/bag`)).toBe(true)
    for (const stream of [reader, ...writers]) stream.destroy()
  })

  it('of an action ends its object as well', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    for (const recursive of [false, true]) {
      const node = await store.create(`${base}/action`, 'action')
      await node.create('std/Counter')
      expect((await node.stat()).object?.state).toBe('live')
      expect(await store.delete(`${base}/action`, { recursive })).toBe(true)
      expect(await codeOf(node.call('value'))).toBe('NOT_FOUND')
    }
  })

  it('of an action waits for its streams, and with recursive aborts them', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    const begin = async (): Promise<Writable> => {
      const node = await store.create(`${base}/action`, 'action')
      await node.create('std/Counter')
      const writer = node.createWriteStream()
      await written(writer, 'begun\n')
      return writer
    }
    const waitedFor = await begin()
    let over = false
    const deleting = store.delete(`${base}/action`).finally(() => {
      over = true
    })
    for (let i = 0; i < 50; i++) await store.exists(base)
    expect(over).toBe(false)
    await ended(waitedFor)
    expect(await deleting).toBe(true)
    const aborted = await begin()
    const failure = errorOf(aborted)
    expect(await store.delete(`${base}/action`, { recursive: true })).toBe(true)
    expect(await failure).toMatchObject({ name: 'GliderError' })
  })
})

describe('rename', () => {
  it('moves a whole subtree, of every type of node', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await store.put(`${base}/a/b/file`, 'bytes', { parents: true })
    await store.create(`${base}/a/table`, 'table')
    await store.put(`${base}/a/table/key`, 'value')
    await writeAll((await store.create(`${base}/a/bag`, 'bag')).append(), 'part')
    const action = await store.create(`${base}/a/action`, 'action')
    await action.create('std/Counter')
    await store.create(`${base}/other`, 'directory')
    await store.rename(`${base}/a`, `${base}/other/z`)
    expect(await store.exists(`${base}/a`)).toBe(false)
    expect(await namesIn(store, `${base}/other/z`)).toEqual(['action', 'b', 'bag', 'table'])
    expect((await store.get(`${base}/other/z/b/file`)).toString()).toBe('bytes')
    expect((await store.get(`${base}/other/z/table/key`)).toString()).toBe('value')
    expect(await textOf((await store.lookup(`${base}/other/z/bag`, 'bag')).createReadStream())).toBe('part')
    expect(await (await store.lookup(`${base}/other/z/action`, 'action')).call('value')).toEqual({ lines: 0, bytes: 0 })
    for (const name of ['b', 'table', 'bag', 'action']) {
      await store.rename(`${base}/other/z/${name}`, `${base}/${name}`)
      expect((await store.stat(`${base}/${name}`)).path).toBe(`${base}/${name}`)
    }
  })

  it('is at once: nobody sees both names, or none', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    const other = await deployment.connect()
    await store.put(`${base}/a/x`, 'bytes', { parents: true })
    const renaming = { over: false }
    const watching = (async () => {
      let seen = 0
      for (; !renaming.over; seen++) expect(await namesIn(other, base)).toHaveLength(1)
      return seen
    })()
    for (let i = 0; i < 100; i++) {
      await store.rename(`${base}/a`, `${base}/b`)
      await store.rename(`${base}/b`, `${base}/a`)
    }
    renaming.over = true
    expect(await watching).toBeGreaterThan(0)
  })

  it('of one node by many at the same time succeeds for one', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await store.put(`${base}/x`, 'bytes')
    const outcomes = await Promise.allSettled([0, 1, 2, 3].map(i => store.rename(`${base}/x`, `${base}/to${i}`)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'NOT_FOUND' })
    expect(await namesIn(store, base)).toHaveLength(1)
  })

  it('refuses what cannot be, and changes nothing then', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await store.put(`${base}/a/x`, 'bytes', { parents: true })
    await store.put(`${base}/file`, 'bytes')
    const code = (from: string, to: string): Promise<string> => codeOf(store.rename(`${base}${from}`, `${base}${to}`))
    expect(await code('/missing', '/new')).toBe('NOT_FOUND')
    expect(await code('/missing', '/missing')).toBe('NOT_FOUND')
    expect(await code('/a', '/missing/new')).toBe('NOT_FOUND')
    expect(await code('/a', '/file')).toBe('ALREADY_EXISTS')
    expect(await code('/file', '/a')).toBe('ALREADY_EXISTS')
    expect(await code('/a/x', '/a')).toBe('ALREADY_EXISTS')
    expect(await code('/a', '/file/x')).toBe('TYPE_MISMATCH')
    expect(await code('/a', '/a/new')).toBe('INVALID_ARGUMENT')
    expect(await code('/a', '/a/x')).toBe('INVALID_ARGUMENT')
    expect(await code('/a', '/a/x/y')).toBe('INVALID_ARGUMENT')
    expect(await namesIn(store, base)).toEqual(['a', 'file'])
    expect(await namesIn(store, `${base}/a`)).toEqual(['x'])
  })

  it('onto itself does nothing', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await store.put(`${base}/a/x`, 'bytes', { parents: true })
    await store.rename(`${base}/a`, `${base}/a`)
    await store.rename(`${base}/a/x`, `${base}/a/x`)
    expect((await store.get(`${base}/a/x`)).toString()).toBe('bytes')
  })

  it('goes to a name that begins with its own, or differs in case alone', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await store.put(`${base}/a/x`, 'bytes', { parents: true })
    await store.rename(`${base}/a`, `${base}/ab`)
    await store.rename(`${base}/ab`, `${base}/AB`)
    expect((await store.get(`${base}/AB/x`)).toString()).toBe('bytes')
  })

  it('lets open streams and handles go on', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    const large = Buffer.alloc(12 * MiB, 'r')
    await store.put(`${base}/a/read`, large, { parents: true })
    const create = (name: string) => store.create(`${base}/a/${name}`, 'file')
    const reader = (await store.lookup(`${base}/a/read`, 'file')).createReadStream()
    const writer = (await create('write')).createWriteStream()
    const appender = (await create('append')).createWriteStream({ append: true })
    const part = (await store.create(`${base}/a/bag`, 'bag')).append()
    const handle = await (await create('handle')).open({ write: true })
    const chunks = reader[Symbol.asyncIterator]() as AsyncIterator<Buffer>
    const first = await chunks.next()
    await Promise.all([written(writer, 'one '), written(appender, '1'), written(part, 'one '), handle.write(0, Buffer.from('1'))])
    await store.rename(`${base}/a`, `${base}/b`)
    await Promise.all([written(writer, Buffer.alloc(2 * MiB, 'w')), written(appender, '2'), handle.write(1, Buffer.from('2'))])
    await Promise.all([ended(writer), ended(appender), ended(part), handle.close()])
    let size = (first.value as Buffer).length
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) size += next.value.length
    expect(size).toBe(large.length)
    expect((await store.stat(`${base}/b/write`)).size).toBe(2 * MiB + 4)
    expect((await store.get(`${base}/b/append`)).toString()).toBe('12')
    expect((await store.get(`${base}/b/handle`)).toString()).toBe('12')
    expect((await store.stat(`${base}/b/bag`)).size).toBe(4)
    expect(await store.exists(`${base}/a`)).toBe(false)
  })
})

describe('a proxy', () => {
  it('holds the node over a rename, and tells the new path once it has been asked for', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    const file = await store.create(`${base}/a/x`, 'file', { parents: true })
    const above = await store.lookup(`${base}/a`, 'directory')
    await store.rename(`${base}/a`, `${base}/b`)
    await store.put(`${base}/a/x`, 'another node', { parents: true })
    await writeAll(file.createWriteStream(), 'through the proxy')
    expect(await textOf(file.createReadStream())).toBe('through the proxy')
    expect((await store.get(`${base}/b/x`)).toString()).toBe('through the proxy')
    expect((await file.stat()).path).toBe(`${base}/b/x`)
    expect(file.path).toBe(`${base}/b/x`)
    expect((await allOf(above.list())).map(({ path }) => path)).toEqual([`${base}/b/x`])
  })

  it('is NOT_FOUND after deletion, also where the name was created again or replaced', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    const file = await store.create(`${base}/file`, 'file')
    const inside = await store.create(`${base}/directory`, 'directory')
    const table = await store.create(`${base}/table`, 'table')
    const keyvalue = await store.create(`${base}/table/key`, 'keyvalue')
    const bag = await store.create(`${base}/bag`, 'bag')
    const action = await store.create(`${base}/action`, 'action')
    const asked = (): Promise<unknown>[] => [
      file.stat(),
      bytesOf(file.createReadStream()),
      writeAll(file.createWriteStream(), 'x'),
      writeAll(file.createWriteStream({ append: true }), 'x'),
      file.open(),
      file.open({ write: true }),
      inside.stat(),
      firstOf(inside.list()),
      table.stat(),
      table.put('key', 'x'),
      table.put('key', Buffer.alloc(300_000)),
      table.get('key'),
      table.delete('key'),
      firstOf(table.entries()),
      keyvalue.stat(),
      bytesOf(keyvalue.createReadStream()),
      writeAll(keyvalue.createWriteStream(), 'x'),
      bag.stat(),
      bytesOf(bag.createReadStream()),
      writeAll(bag.append(), 'x'),
      action.stat(),
      action.create('std/Counter'),
      action.delete(),
      action.call('value'),
      bytesOf(action.createReadStream()),
      writeAll(action.createWriteStream(), 'x'),
      action.openReader(),
      action.openWriter(),
    ]
    const gone = async (): Promise<void> => {
      const calls = asked()
      expect(await Promise.all(calls.map(codeOf))).toEqual(calls.map(() => 'NOT_FOUND'))
    }
    for (const name of ['file', 'directory', 'bag', 'action']) await store.delete(`${base}/${name}`)
    await store.delete(`${base}/table`, { recursive: true })
    await gone()
    for (const type of ['file', 'directory', 'table', 'bag', 'action'] as const) await store.create(`${base}/${type}`, type)
    await store.create(`${base}/table/key`, 'keyvalue')
    await gone()
    for (const type of ['file', 'directory', 'bag', 'action'] as const) {
      await store.create(`${base}/${type}`, type, { ifExists: 'replace' })
    }
    await gone()
    for (const name of ['file', 'bag', 'table/key']) expect((await store.stat(`${base}/${name}`)).size).toBe(0)
  })

  it('is NOT_FOUND after a directory above it was deleted', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    const file = await store.create(`${base}/a/b/x`, 'file', { parents: true })
    await store.delete(`${base}/a`, { recursive: true })
    await store.create(`${base}/a/b/x`, 'file', { parents: true })
    expect(await codeOf(file.stat())).toBe('NOT_FOUND')
    expect(await codeOf(bytesOf(file.createReadStream()))).toBe('NOT_FOUND')
  })
})
