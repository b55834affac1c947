import { describe, expect, it } from 'vitest'
import { codeOf } from '../support/failure.ts'
import { openDeployment } from './support/deployment.ts'
import { allOf, fullClass, namesIn, unknownClass } from './support/tree.ts'

const deployment = openDeployment()
/** More than any deployment keeps with its metadata. */
const large = Buffer.alloc(300_000, 'large')

describe('checks come in the order path, parent, type, existence, space:', () => {
  it('create', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await store.put(`${base}/file`, 'x')
    await store.create(`${base}/table`, 'table')
    await store.put(`${base}/table/key`, 'x')
    const wrong = { storageClass: unknownClass }
    expect(await codeOf(store.create(`${base}/missing//x`, 'keyvalue', wrong))).toBe('INVALID_PATH')
    expect(await codeOf(store.create(`${base}/missing/x`, 'keyvalue', wrong))).toBe('NOT_FOUND')
    expect(await codeOf(store.create(`${base}/file/x`, 'keyvalue', wrong))).toBe('TYPE_MISMATCH')
    // What the parent cannot hold comes before what is there.
    expect(await codeOf(store.create(`${base}/file`, 'keyvalue', wrong))).toBe('TYPE_MISMATCH')
    expect(await codeOf(store.create(`${base}/table/key`, 'file', wrong))).toBe('TYPE_MISMATCH')
    expect(await codeOf(store.create(`${base}/file`, 'directory', { ...wrong, ifExists: 'open' }))).toBe('TYPE_MISMATCH')
    expect(await codeOf(store.create(`${base}/file`, 'file', wrong))).toBe('ALREADY_EXISTS')
    expect(await codeOf(store.create(base, 'file', { ...wrong, ifExists: 'replace' }))).toBe('NOT_EMPTY')
    expect(await codeOf(store.create(`${base}/new`, 'file', wrong))).toBe('INVALID_ARGUMENT')
  })

  it('lookup', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    expect(await codeOf(store.lookup(`${base}/missing//x`, 'file'))).toBe('INVALID_PATH')
    expect(await codeOf(store.lookup(`${base}/missing/x`, 'file'))).toBe('NOT_FOUND')
    expect(await codeOf(store.lookup(`${base}/missing`, 'file'))).toBe('NOT_FOUND')
    expect(await codeOf(store.lookup(base, 'file'))).toBe('TYPE_MISMATCH')
  })

  it('rename', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await store.put(`${base}/file`, 'x')
    await store.create(`${base}/table`, 'table')
    await store.put(`${base}/table/key`, 'x')
    expect(await codeOf(store.rename(`${base}/missing`, `${base}/`))).toBe('INVALID_PATH')
    expect(await codeOf(store.rename(`${base}/missing`, `${base}/file`))).toBe('NOT_FOUND')
    expect(await codeOf(store.rename(`${base}/missing`, `${base}/missing/x`))).toBe('NOT_FOUND')
    expect(await codeOf(store.rename(`${base}/table/key`, `${base}/missing/x`))).toBe('NOT_FOUND')
    expect(await codeOf(store.rename(`${base}/table/key`, `${base}/file`))).toBe('TYPE_MISMATCH')
    expect(await codeOf(store.rename(`${base}/file`, `${base}/table/key`))).toBe('TYPE_MISMATCH')
  })

  it('put', async context => {
    const { store } = deployment
    const base = await deployment.directory()
    await store.put(`${base}/file`, 'x')
    for (const bytes of ['x', large]) {
      const wrong = { storageClass: unknownClass }
      expect(await codeOf(store.put(`${base}/missing//x`, bytes, wrong))).toBe('INVALID_PATH')
      expect(await codeOf(store.put(`${base}/missing/x`, bytes, wrong))).toBe('NOT_FOUND')
      expect(await codeOf(store.put(`${base}/file/x`, bytes, wrong))).toBe('TYPE_MISMATCH')
      expect(await codeOf(store.put(base, bytes, wrong))).toBe('TYPE_MISMATCH')
      expect(await codeOf(store.put(`${base}/new`, bytes, wrong))).toBe('INVALID_ARGUMENT')
    }
    const full = await fullClass(store)
    if (full === undefined) return void context.annotate('every class has room')
    const options = { storageClass: [full] }
    expect(await codeOf(store.put(`${base}//x`, large, options))).toBe('INVALID_PATH')
    expect(await codeOf(store.put(`${base}/missing/x`, large, options))).toBe('NOT_FOUND')
    expect(await codeOf(store.put(`${base}/file/x`, large, options))).toBe('TYPE_MISMATCH')
    expect(await codeOf(store.put(base, large, options))).toBe('TYPE_MISMATCH')
    expect(await codeOf(store.create(`${base}/file`, 'file', options))).toBe('ALREADY_EXISTS')
    expect(await codeOf(store.put(`${base}/new`, large, options))).toBe('NO_SPACE')
  })
})

describe('an operation that fails changes nothing:', () => {
  it('no parents are left', async context => {
    const { store } = deployment
    const base = await deployment.directory()
    const path = `${base}/a/b/c`
    expect(await codeOf(store.create(path, 'file', { parents: true, storageClass: unknownClass }))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(store.create(path, 'keyvalue', { parents: true }))).toBe('TYPE_MISMATCH')
    expect(await codeOf(store.create(path, 'file', { parents: true, ttlMs: -1 }))).toBe('INVALID_ARGUMENT')
    for (const bytes of ['x', large]) {
      expect(await codeOf(store.put(path, bytes, { parents: true, storageClass: [unknownClass] }))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(store.put(path, bytes))).toBe('NOT_FOUND')
    }
    expect(await codeOf(store.put(path, 'x', { parents: true, signal: AbortSignal.abort() }))).toBe('CANCELLED')
    expect(await namesIn(store, base)).toEqual([])
    const full = await fullClass(store)
    if (full === undefined) return void context.annotate('every class has room')
    expect(await codeOf(store.put(path, large, { parents: true, storageClass: [full] }))).toBe('NO_SPACE')
    expect(await namesIn(store, base)).toEqual([])
  })

  it('what was there is what it was', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await store.put(`${base}/d/file`, 'kept', { parents: true })
    await store.create(`${base}/table`, 'table')
    await store.put(`${base}/table/key`, 'kept')
    const look = async (): Promise<unknown> => ({
      entries: [await allOf(store.list(base)), await allOf(store.list(`${base}/d`)), await allOf(store.list(`${base}/table`))],
      stat: await store.stat(`${base}/d/file`),
      bytes: [await store.get(`${base}/d/file`), await store.get(`${base}/table/key`)],
    })
    const before = await look()
    const asked = [
      store.create(`${base}/d/file`, 'file'),
      store.create(`${base}/d/file`, 'table', { ifExists: 'open' }),
      store.create(`${base}/d`, 'file', { ifExists: 'replace' }),
      store.create(`${base}/table`, 'table', { ifExists: 'replace' }),
      store.create(`${base}/d/file`, 'file', { ifExists: 'replace', storageClass: unknownClass }),
      store.create(`${base}/d/file`, 'keyvalue', { ifExists: 'replace' }),
      store.delete(`${base}/d`),
      store.delete(`${base}/table`),
      store.rename(`${base}/d`, `${base}/table`),
      store.rename(`${base}/d`, `${base}/d/below`),
      store.rename(`${base}/d/file`, `${base}/table/file`),
      store.rename(`${base}/table/key`, `${base}/key`),
      store.put(`${base}/d`, 'x'),
      store.put(`${base}/d/file`, large, { storageClass: unknownClass }),
      store.put(`${base}/d/file/x`, large, { parents: true }),
      store.lease(`${base}/d`, { ttlMs: 0 }),
    ]
    for (const promise of asked) await codeOf(promise)
    expect(await look()).toEqual(before)
  })

  it('a replacement that finds no room leaves the old bytes and the old class', async context => {
    const { store } = deployment
    const base = await deployment.directory()
    await store.put(`${base}/file`, 'kept')
    const full = await fullClass(store)
    if (full === undefined) return void context.annotate('every class has room')
    const before = await store.stat(`${base}/file`)
    expect(await codeOf(store.put(`${base}/file`, large, { storageClass: [full] }))).toBe('NO_SPACE')
    expect((await store.get(`${base}/file`)).toString()).toBe('kept')
    expect(await store.stat(`${base}/file`)).toEqual(before)
    await store.put(`${base}/file`, large)
    expect((await store.get(`${base}/file`)).equals(large)).toBe(true)
  })
})
