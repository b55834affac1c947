import { describe, expect, it } from 'vitest'
import { codeOf, failureOf } from '../support/failure.ts'
import { textOf, writeAll } from '../support/streams.ts'
import { openDeployment } from './support/deployment.ts'
import { allOf, classesWithRoom, firstOf, fullClass, namesIn, unknownClass } from './support/tree.ts'

const deployment = openDeployment()
const types = ['file', 'directory', 'table', 'bag', 'action'] as const

/** One node of every type: each at its type's name, and the keyvalue in the table. */
async function oneOfEach(base: string): Promise<void> {
  for (const type of types) await deployment.store.create(`${base}/${type}`, type)
  await deployment.store.create(`${base}/table/keyvalue`, 'keyvalue')
}

describe('create', () => {
  it('answers a proxy of the type at the path', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    for (const type of types) {
      const node = await store.create(`${base}/${type}`, type)
      expect([node.type, node.path]).toEqual([type, `${base}/${type}`])
      expect(await node.stat()).toMatchObject({ path: `${base}/${type}`, type, size: 0 })
    }
    const keyvalue = await store.create(`${base}/table/k`, 'keyvalue')
    expect([keyvalue.type, keyvalue.path]).toEqual(['keyvalue', `${base}/table/k`])
  })

  it('of a type that is none is INVALID_ARGUMENT', async () => {
    const base = await deployment.directory()
    expect(await codeOf(deployment.store.create(`${base}/x`, 'wrong' as 'file'))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(deployment.store.create(`${base}/x`, 'file', { ifExists: 'wrong' as 'open' }))).toBe('INVALID_ARGUMENT')
  })

  it('of what exists is ALREADY_EXISTS, of whatever type', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await oneOfEach(base)
    for (const type of types) {
      for (const other of types) expect(await codeOf(store.create(`${base}/${type}`, other))).toBe('ALREADY_EXISTS')
      const failure = await failureOf(store.create(`${base}/${type}`, type, { ifExists: 'error' }))
      expect(failure).toMatchObject({ code: 'ALREADY_EXISTS', message: expect.stringContaining(`${base}/${type}`) })
    }
    expect(await codeOf(store.create(`${base}/table/keyvalue`, 'keyvalue'))).toBe('ALREADY_EXISTS')
  })

  it('with ifExists open answers the node that is there, and TYPE_MISMATCH for another type', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await oneOfEach(base)
    for (const type of types) {
      const old = await store.lookup(`${base}/${type}`)
      const { createdAt } = await old.stat()
      const node = await store.create(`${base}/${type}`, type, { ifExists: 'open', parents: true })
      expect(await node.stat()).toMatchObject({ type, createdAt })
      await old.stat()
      for (const other of types) {
        if (other === type) continue
        expect(await codeOf(store.create(`${base}/${type}`, other, { ifExists: 'open' }))).toBe('TYPE_MISMATCH')
      }
    }
    await store.put(`${base}/file`, 'kept')
    const file = await store.create(`${base}/file`, 'file', { ifExists: 'open' })
    expect(await textOf(file.createReadStream())).toBe('kept')
    await store.create(`${base}/new`, 'file', { ifExists: 'open' })
    expect(await store.exists(`${base}/new`)).toBe(true)
  })

  it('with ifExists replace puts a new empty node in its place', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    for (const from of types) {
      for (const to of types) {
        const path = `${base}/${from}-${to}`
        const old = await store.create(path, from)
        if (old.type === 'file') await writeAll(old.createWriteStream(), 'old')
        if (old.type === 'bag') await writeAll(old.append(), 'old')
        const node = await store.create(path, to, { ifExists: 'replace' })
        expect(await node.stat()).toMatchObject({ path, type: to, size: 0 })
        expect(await codeOf(old.stat())).toBe('NOT_FOUND')
      }
    }
    await store.create(`${base}/table`, 'table')
    await store.put(`${base}/table/k`, 'old')
    await store.create(`${base}/table/k`, 'keyvalue', { ifExists: 'replace' })
    expect((await store.get(`${base}/table/k`)).length).toBe(0)
    await store.create(`${base}/new`, 'file', { ifExists: 'replace' })
    expect(await store.exists(`${base}/new`)).toBe(true)
  })

  it('with ifExists replace of a directory or table that is not empty is NOT_EMPTY', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await store.put(`${base}/directory/x`, 'kept', { parents: true })
    await store.create(`${base}/table`, 'table')
    await store.put(`${base}/table/x`, 'kept')
    for (const old of ['directory', 'table']) {
      for (const type of types) {
        expect(await codeOf(store.create(`${base}/${old}`, type, { ifExists: 'replace' }))).toBe('NOT_EMPTY')
      }
      expect((await store.get(`${base}/${old}/x`)).toString()).toBe('kept')
    }
  })

  it('where the parent is missing is NOT_FOUND, unless parents makes it', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    for (const type of types) {
      const path = `${base}/${type}/a/b`
      expect(await codeOf(store.create(path, type))).toBe('NOT_FOUND')
      expect(await codeOf(store.create(path, type, { parents: false, ifExists: 'replace' }))).toBe('NOT_FOUND')
      expect(await store.exists(`${base}/${type}`)).toBe(false)
      await store.create(path, type, { parents: true })
      expect((await store.stat(`${base}/${type}/a`)).type).toBe('directory')
      expect(await codeOf(store.create(path, type, { parents: true }))).toBe('ALREADY_EXISTS')
    }
    expect(await failureOf(store.create(`${base}/m/n`, 'file'))).toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(`${base}/m`),
    })
  })

  it('below what can hold nothing is TYPE_MISMATCH, with parents as well', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await oneOfEach(base)
    for (const parent of ['file', 'bag', 'action', 'table/keyvalue']) {
      for (const type of types) {
        expect(await codeOf(store.create(`${base}/${parent}/x`, type))).toBe('TYPE_MISMATCH')
        expect(await codeOf(store.create(`${base}/${parent}/x`, type, { parents: true }))).toBe('TYPE_MISMATCH')
        expect(await codeOf(store.create(`${base}/${parent}/x/y`, type, { parents: true }))).toBe('TYPE_MISMATCH')
      }
      expect(await codeOf(store.put(`${base}/${parent}/x`, 'x'))).toBe('TYPE_MISMATCH')
      expect(await codeOf(store.put(`${base}/${parent}/x/y`, 'x', { parents: true }))).toBe('TYPE_MISMATCH')
      await store.put(`${base}/moved`, 'x')
      expect(await codeOf(store.rename(`${base}/moved`, `${base}/${parent}/x`))).toBe('TYPE_MISMATCH')
    }
  })
})

describe('the root', () => {
  it('exists always', async () => {
    const { store } = deployment
    expect(await store.exists('/')).toBe(true)
    expect(await store.stat('/')).toMatchObject({ path: '/', type: 'directory', size: 0 })
    expect((await store.lookup('/', 'directory')).path).toBe('/')
    const base = await deployment.directory()
    const children = await allOf(store.list('/'))
    expect(children).toContainEqual({ name: base.slice(1), path: base, type: 'directory', size: 0 })
  })

  it('is ALREADY_EXISTS to create', async () => {
    const { store } = deployment
    expect(await codeOf(store.create('/', 'directory'))).toBe('ALREADY_EXISTS')
    expect(await codeOf(store.create('/', 'directory', { parents: true }))).toBe('ALREADY_EXISTS')
    expect(await codeOf(store.create('/', 'directory', { ifExists: 'replace' }))).toBe('ALREADY_EXISTS')
    expect((await store.create('/', 'directory', { ifExists: 'open' })).path).toBe('/')
    expect(await codeOf(store.create('/', 'file', { ifExists: 'open' }))).toBe('TYPE_MISMATCH')
    expect(await codeOf(store.put('/', 'x'))).toBe('TYPE_MISMATCH')
  })

  it('is INVALID_ARGUMENT to delete or rename', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    expect(await codeOf(store.delete('/'))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(store.delete('/', { recursive: true }))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(store.rename('/', `${base}/x`))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(store.rename('/', '/'))).toBe('INVALID_ARGUMENT')
    await store.create(`${base}/d`, 'directory')
    expect(await codeOf(store.rename(`${base}/d`, '/'))).toBe('ALREADY_EXISTS')
  })
})

describe('lookup, stat and exists', () => {
  it('tell what is there', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await oneOfEach(base)
    await store.put(`${base}/file`, 'ä漢🙂')
    await store.put(`${base}/table/keyvalue`, 'value')
    const bag = await store.lookup(`${base}/bag`, 'bag')
    for (const part of ['one', 'three']) await writeAll(bag.append(), part)
    const sizes = { file: 9, directory: 0, table: 0, bag: 8, action: 0, keyvalue: 5 }
    for (const type of [...types, 'keyvalue'] as const) {
      const path = `${base}/${type === 'keyvalue' ? 'table/keyvalue' : type}`
      const size = sizes[type]
      const stat = await store.stat(path)
      expect(stat).toMatchObject({ path, type, size, storageClass: expect.stringMatching(/./), createdAt: expect.any(Date) })
      expect(stat.createdAt.getTime()).toBeGreaterThan(0)
      expect(stat.storageClass === 'active').toBe(type === 'action')
      expect(await store.exists(path)).toBe(true)
      expect(await store.lookup(path)).toMatchObject({ path, type })
      expect(await store.lookup(path, type)).toMatchObject({ path, type })
    }
    expect(await store.stat(`${base}/action`)).toMatchObject({ object: { state: 'empty' } })
  })

  it('tell the time of creation, which neither writing nor renaming changes', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    const file = await store.create(`${base}/x`, 'file')
    const { createdAt } = await file.stat()
    await writeAll(file.createWriteStream(), 'bytes')
    await store.rename(`${base}/x`, `${base}/y`)
    expect((await store.stat(`${base}/y`)).createdAt).toEqual(createdAt)
  })

  it('with another type is TYPE_MISMATCH', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await oneOfEach(base)
    for (const type of types) {
      for (const other of [...types, 'keyvalue'] as const) {
        if (other === type) continue
        expect(await failureOf(store.lookup(`${base}/${type}`, other))).toMatchObject({
          code: 'TYPE_MISMATCH',
          message: expect.stringContaining(`${base}/${type}`),
        })
      }
    }
  })

  it('find nothing where nothing is, nor below what holds nothing', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await oneOfEach(base)
    const above = ['missing', 'file', 'bag', 'action', 'table/keyvalue', 'table/missing', 'directory/missing']
    for (const path of ['/missing', ...above.flatMap(name => [`/${name}/x`, `/${name}/x/y`])].map(name => base + name)) {
      const asked = [
        store.lookup(path),
        store.lookup(path, 'file'),
        store.stat(path),
        store.get(path),
        firstOf(store.list(path)),
        store.rename(path, `${base}/new`),
        store.lease(path, { ttlMs: 60_000 }),
      ]
      expect(await Promise.all(asked.map(codeOf))).toEqual(asked.map(() => 'NOT_FOUND'))
      expect(await store.exists(path)).toBe(false)
      expect(await store.delete(path)).toBe(false)
      expect(await store.delete(path, { recursive: true })).toBe(false)
    }
  })
})

describe('storageClass', () => {
  const bytes = Buffer.alloc(300_000, 'class')

  it('x means x first', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    for (const storageClass of await classesWithRoom(store)) {
      for (const wanted of [storageClass, [storageClass]]) {
        await store.put(`${base}/put`, bytes, { storageClass: wanted })
        expect((await store.stat(`${base}/put`)).storageClass).toBe(storageClass)
        const file = await store.create(`${base}/created`, 'file', { storageClass: wanted, ifExists: 'replace' })
        await writeAll(file.createWriteStream(), bytes)
        expect((await file.stat()).storageClass).toBe(storageClass)
        expect((await store.get(`${base}/created`)).equals(bytes)).toBe(true)
      }
    }
  })

  it('x goes on with the rest of the order where x is full, an array does not: NO_SPACE', async context => {
    const { store } = deployment
    const base = await deployment.directory()
    const full = await fullClass(store)
    if (full === undefined) return void context.annotate('every class has room')
    const [roomy] = await classesWithRoom(store)
    await store.put(`${base}/first`, bytes, { storageClass: full })
    await store.put(`${base}/array`, bytes, { storageClass: [full, roomy!] })
    for (const name of ['first', 'array']) expect((await store.get(`${base}/${name}`)).equals(bytes)).toBe(true)
    const failure = await failureOf(store.put(`${base}/none`, bytes, { storageClass: [full] }))
    expect(failure).toMatchObject({ code: 'NO_SPACE', message: expect.stringContaining(`${base}/none`) })
    expect(await store.exists(`${base}/none`)).toBe(false)
    const bag = await store.create(`${base}/bag`, 'bag', { storageClass: [full] })
    expect(await codeOf(writeAll(bag.append(), bytes))).toBe('NO_SPACE')
    expect((await bag.stat()).size).toBe(0)
  })

  it('that is unknown, active for data, or another than active for an action is INVALID_ARGUMENT', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    const [known] = await classesWithRoom(store)
    const wrong = [unknownClass, 'active', '', [], [unknownClass], [known!, unknownClass], ['active'], [known!, 'active']]
    for (const storageClass of wrong) {
      for (const type of ['file', 'directory', 'table', 'bag'] as const) {
        const failure = await failureOf(store.create(`${base}/wrong`, type, { storageClass }))
        expect(failure).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(/./) })
      }
      expect(await codeOf(store.put(`${base}/wrong`, 'x', { storageClass }))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(store.put(`${base}/wrong`, bytes, { storageClass }))).toBe('INVALID_ARGUMENT')
    }
    for (const storageClass of [known!, unknownClass, [known!], ['active', known!]]) {
      expect(await codeOf(store.create(`${base}/wrong`, 'action', { storageClass }))).toBe('INVALID_ARGUMENT')
    }
    expect(await namesIn(store, base)).toEqual([])
    await store.create(`${base}/action`, 'action', { storageClass: 'active' })
    await store.create(`${base}/action2`, 'action', { storageClass: ['active'] })
  })
})
