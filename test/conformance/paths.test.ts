import { describe, expect, it } from 'vitest'
import { codeOf } from '../support/failure.ts'
import { openDeployment } from './support/deployment.ts'
import { allOf, firstOf, namesIn } from './support/tree.ts'

const deployment = openDeployment()

/** A path below `base` of so many bytes, of parts as long as can be. */
function pathOfBytes(base: string, bytes: number): string {
  let path = base
  while (bytes - path.length > 256) path += `/${'x'.repeat(Math.min(255, bytes - path.length - 3))}`
  return `${path}/${'y'.repeat(bytes - path.length - 1)}`
}

describe('a path', () => {
  const invalid: Record<string, (base: string) => string> = {
    'that is not absolute': base => base.slice(1),
    'that is the empty string': () => '',
    'with an empty part': base => `${base}//b`,
    'of two slashes': () => '//',
    'with a trailing slash': base => `${base}/a/`,
    'with the part .': base => `${base}/./b`,
    'with the part . at its end': base => `${base}/.`,
    'with the part ..': base => `${base}/../b`,
    'with the part .. at its end': base => `${base}/..`,
    'with a NUL': base => `${base}/a\0b`,
    'with an unpaired high surrogate': base => `${base}/a\ud800`,
    'with an unpaired low surrogate': base => `${base}/\udc00a`,
    'with surrogates in the wrong order': base => `${base}/\udc00\ud800`,
    'with a part of 256 bytes': base => `${base}/${'a'.repeat(256)}`,
    'with a part of 256 bytes in characters of two': base => `${base}/${'ä'.repeat(128)}`,
    'with a part of 256 bytes in characters of four': base => `${base}/${'🙂'.repeat(64)}`,
    'with a part that is too long, above others': base => `${base}/${'a'.repeat(256)}/b`,
    'of 4,097 bytes': base => pathOfBytes(base, 4097),
  }

  it.each(Object.entries(invalid))('%s is INVALID_PATH for every operation, and nothing changes', async (_, make) => {
    const { store } = deployment
    const base = await deployment.directory()
    const path = make(base)
    await store.put(`${base}/there`, 'x')
    const asked = [
      store.create(path, 'file'),
      store.create(path, 'directory', { parents: true, ifExists: 'open' }),
      store.create(`${base}/near`, 'file', { near: path }),
      store.lookup(path),
      store.lookup(path, 'file'),
      store.stat(path),
      store.exists(path),
      firstOf(store.list(path)),
      store.delete(path),
      store.delete(path, { recursive: true }),
      store.rename(path, `${base}/x`),
      store.rename(`${base}/there`, path),
      store.rename(`${base}/missing`, path),
      store.put(path, 'x'),
      store.put(path, 'x', { parents: true }),
      store.put(path, Buffer.alloc(100_000), { parents: true }),
      store.put(`${base}/near`, 'x', { near: path }),
      store.get(path),
      store.lease(path, { ttlMs: 60_000 }),
    ]
    expect(await Promise.all(asked.map(codeOf))).toEqual(asked.map(() => 'INVALID_PATH'))
    expect(await namesIn(store, base)).toEqual(['there'])
  })

  it('has parts of up to 255 bytes of UTF-8', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    const names = ['x'.repeat(255), `${'ä'.repeat(127)}x`, '漢'.repeat(85), `${'🙂'.repeat(63)}abc`]
    for (const name of names) {
      expect(Buffer.byteLength(name)).toBe(255)
      await store.put(`${base}/${name}`, name)
      expect((await store.get(`${base}/${name}`)).toString()).toBe(name)
    }
    expect(await namesIn(store, base)).toEqual([...names].sort())
  })

  it('has up to 4,096 bytes', async () => {
    const { store } = deployment
    const path = pathOfBytes(await deployment.directory(), 4096)
    expect(Buffer.byteLength(path)).toBe(4096)
    expect((await store.create(path, 'file', { parents: true })).path).toBe(path)
    expect((await store.stat(path)).path).toBe(path)
    expect((await allOf(store.list(path.slice(0, path.lastIndexOf('/')))))[0]?.path).toBe(path)
    expect(await store.exists(path)).toBe(true)
  })

  it('is kept as it is: any character, case, and no normalisation', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    const names = [
      'a',
      'A',
      ' ',
      '\\',
      '\n',
      '\r\n',
      '*',
      '?',
      '%2F',
      '%00',
      'é',
      'e\u0301',
      'ß',
      'SS',
      'ſ',
      '🙂',
      '...',
      '..a',
      '.a',
    ]
    names.push(
      '-',
      '\u007f',
      '\u0001',
      '\ufeff',
      '\ufffd',
      '\u200d',
      '/'.codePointAt(0)!.toString(),
      '0',
      '__proto__',
      'constructor',
    )
    for (const name of names) await store.put(`${base}/${name}`, name)
    expect(await namesIn(store, base)).toEqual([...names].sort())
    for (const name of names) {
      expect((await store.get(`${base}/${name}`)).toString()).toBe(name)
      expect((await store.stat(`${base}/${name}`)).path).toBe(`${base}/${name}`)
    }
  })

  it('is never found by what only the prototype of a map holds', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'size']) {
      expect(await store.exists(`${base}/${name}`)).toBe(false)
      expect(await codeOf(store.get(`${base}/${name}`))).toBe('NOT_FOUND')
    }
  })
})
