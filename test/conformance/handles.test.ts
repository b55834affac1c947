import type { FileNode } from 'glider'
import { describe, expect, it } from 'vitest'
import { codeOf } from '../support/failure.ts'
import { MiB, patterned, untilGone } from './support/bytes.ts'
import { openDeployment } from './support/deployment.ts'

const deployment = openDeployment()

async function newFile(bytes?: Uint8Array | string): Promise<FileNode> {
  const path = `${await deployment.directory()}/file`
  if (bytes !== undefined) await deployment.store.put(path, bytes)
  return deployment.store.create(path, 'file', { ifExists: 'open' })
}

describe('a direct handle', () => {
  it('reads anywhere, with any number of reads outstanding', async () => {
    const bytes = patterned(3 * MiB + 9)
    await using handle = await (await newFile(bytes)).open()
    expect(handle.size).toBe(bytes.length)
    const reads = Array.from({ length: 200 }, async (_, i) => {
      const position = (i * 15_731) % bytes.length
      const buffer = Buffer.alloc(1 + ((i * 7919) % (2 * MiB)))
      const count = await handle.read(position, buffer)
      expect(count).toBe(Math.min(buffer.length, bytes.length - position))
      expect(buffer.subarray(0, count).equals(bytes.subarray(position, position + count))).toBe(true)
      expect(buffer.subarray(count).every(byte => byte === 0)).toBe(true)
    })
    await Promise.all(reads)
  })

  it.each([0, 9, 2 * MiB])('of %i bytes gives a count, 0 at the end and beyond', async length => {
    await using handle = await (await newFile(patterned(length))).open()
    expect(await handle.read(0, Buffer.alloc(length + 10))).toBe(length)
    expect(await handle.read(length, Buffer.alloc(10))).toBe(0)
    expect(await handle.read(length + 100, Buffer.alloc(10))).toBe(0)
    expect(await handle.read(Number.MAX_SAFE_INTEGER, Buffer.alloc(10))).toBe(0)
    expect(await handle.read(0, Buffer.alloc(0))).toBe(0)
  })

  it('reads and writes into the views of memory that it is given', async () => {
    const { store } = deployment
    const file = await newFile('0123456789')
    await using handle = await file.open({ write: true })
    const memory = new Uint8Array(10).fill(46)
    expect(await handle.read(2, new Uint8Array(memory.buffer, 3, 4))).toBe(4)
    expect(Buffer.from(memory).toString()).toBe('...2345...')
    await handle.write(0, new Uint8Array(memory.buffer, 2, 3))
    expect((await store.get(file.path)).toString()).toBe('.233456789')
  })

  it('for reading does not write', async () => {
    const file = await newFile('bytes')
    await using handle = await file.open()
    expect(await codeOf(handle.write(0, Buffer.from('x')))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(handle.sync())).toBe('INVALID_ARGUMENT')
    expect((await deployment.store.get(file.path)).toString()).toBe('bytes')
  })

  it('has positions that are whole numbers from 0', async () => {
    const file = await newFile('bytes')
    await using handle = await file.open({ write: true })
    for (const position of [-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
      expect(await codeOf(handle.read(position, Buffer.alloc(1)))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(handle.write(position, Buffer.alloc(1)))).toBe('INVALID_ARGUMENT')
    }
  })

  it('reads into and writes from bytes alone', async () => {
    const file = await newFile('bytes')
    await using handle = await file.open({ write: true })
    for (const buffer of [undefined, null, 'text', new Uint16Array(2), new ArrayBuffer(2)] as unknown as Uint8Array[]) {
      expect(await codeOf(handle.read(0, buffer))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(handle.write(0, buffer))).toBe('INVALID_ARGUMENT')
    }
    expect((await deployment.store.get(file.path)).toString()).toBe('bytes')
  })

  it('is done once it has been closed, and may be closed again', async () => {
    const file = await newFile('bytes')
    for (const write of [false, true]) {
      const handle = await file.open({ write })
      await handle.close()
      expect(await codeOf(handle.read(0, Buffer.alloc(1)))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(handle.write(0, Buffer.alloc(1)))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(handle.sync())).toBe('INVALID_ARGUMENT')
      await handle.close()
    }
  })

  it('is not for what has no bytes of its own', async () => {
    const base = await deployment.directory()
    for (const type of ['directory', 'table', 'bag', 'action'] as const) {
      const node = await deployment.store.create(`${base}/${type}`, type)
      expect('open' in node).toBe(false)
    }
  })

  it('fills a gap with zeros, also where a block had other bytes before', async () => {
    const { store } = deployment
    const file = await newFile()
    // Blocks that are dirty when they are used again.
    await store.put(`${file.path}x`, Buffer.alloc(16 * MiB, 0xff))
    await store.delete(`${file.path}x`)
    const handle = await file.open({ write: true })
    await handle.write(3 * MiB + 5, Buffer.from('end'))
    await handle.write(10, Buffer.from('begin'))
    expect((await file.stat()).size).toBe(0)
    await handle.sync()
    const expected = Buffer.alloc(3 * MiB + 8)
    expected.write('begin', 10)
    expected.write('end', 3 * MiB + 5)
    expect((await store.get(file.path)).equals(expected)).toBe(true)
    await handle.write(5 * MiB, Buffer.from('!'))
    await handle.close()
    const whole = Buffer.concat([expected, Buffer.alloc(2 * MiB - 8), Buffer.from('!')])
    expect((await store.get(file.path)).equals(whole)).toBe(true)
  })

  it('fills a gap behind a few bytes with zeros as well', async () => {
    const { store } = deployment
    const file = await newFile('aBcDef')
    {
      await using handle = await file.open({ write: true })
      await handle.write(8, Buffer.from('!'))
      await handle.sync()
    }
    expect((await store.get(file.path)).toString()).toBe('aBcDef\0\0!')
    await using reader = await file.open()
    const into = Buffer.alloc(4)
    expect(await reader.read(2, into)).toBe(4)
    expect(into.toString()).toBe('cDef')
  })

  it.each([6, MiB + 6])('of %i bytes writes in place: readers of committed bytes see them', async length => {
    const { store } = deployment
    const bytes = patterned(length)
    const file = await newFile(bytes)
    await using handle = await file.open({ write: true })
    await Promise.all([handle.write(1, Buffer.from('XY')), handle.write(length - 2, Buffer.from('Z'))])
    bytes.write('XY', 1)
    bytes.write('Z', length - 2)
    expect((await store.get(file.path)).equals(bytes)).toBe(true)
    expect(handle.size).toBe(length)
  })

  it.each([0, 6, MiB])('behind %i bytes publishes the length with sync and close, not before', async length => {
    const { store } = deployment
    const file = await newFile(patterned(length))
    const handle = await file.open({ write: true })
    await handle.write(length, Buffer.from('more'))
    expect(handle.size).toBe(length + 4)
    expect((await file.stat()).size).toBe(length)
    expect((await store.get(file.path)).length).toBe(length)
    await handle.sync()
    expect((await file.stat()).size).toBe(length + 4)
    await handle.write(length + 4, Buffer.from('!'))
    expect((await file.stat()).size).toBe(length + 4)
    await handle.close()
    expect((await store.get(file.path)).equals(Buffer.concat([patterned(length), Buffer.from('more!')]))).toBe(true)
  })

  it('reads back what it has written, published or not', async () => {
    const file = await newFile()
    await using handle = await file.open({ write: true })
    await handle.write(5, Buffer.from('unpublished'))
    expect(handle.size).toBe(16)
    const buffer = Buffer.alloc(20, '?')
    expect(await handle.read(0, buffer)).toBe(16)
    expect(buffer.subarray(0, 16).toString()).toBe('\0\0\0\0\0unpublished')
    expect((await file.stat()).size).toBe(0)
  })

  it('syncs and closes with writes outstanding, and leaves no hole', async () => {
    const { store } = deployment
    const file = await newFile()
    const handle = await file.open({ write: true })
    const first = handle.write(0, Buffer.from('first'))
    const synced = handle.sync()
    const far = handle.write(3 * MiB, Buffer.from('far'))
    await Promise.all([first, synced, far])
    expect((await store.get(file.path)).subarray(0, 5).toString()).toBe('first')
    const outstanding = [1, 2, 3, 4].map(i => handle.write(i * MiB + 100, patterned(MiB, i)))
    const closed = handle.close()
    await Promise.all([...outstanding, closed])
    const expected = Buffer.alloc(5 * MiB + 100)
    expected.write('first', 0)
    expected.write('far', 3 * MiB)
    for (const i of [1, 2, 3, 4]) patterned(MiB, i).copy(expected, i * MiB + 100)
    expect((await store.get(file.path)).equals(expected)).toBe(true)
  })

  it('that writes nothing changes nothing', async () => {
    for (const old of ['', 'small', patterned(MiB + 1)]) {
      const file = await newFile(old)
      const handle = await file.open({ write: true })
      await handle.write(old.length + 100, Buffer.alloc(0))
      await handle.sync()
      await handle.close()
      expect((await deployment.store.get(file.path)).equals(Buffer.from(old as string))).toBe(true)
    }
  })

  it('for reading keeps the version and length of its opening, and gets BLOCK_GONE once that is freed', async () => {
    const { store } = deployment
    const old = patterned(2 * MiB)
    const file = await newFile(old)
    for (const how of ['replaced', 'deleted']) {
      await store.put(file.path, old)
      await using handle = await file.open()
      const writer = await file.open({ write: true })
      await writer.write(old.length, Buffer.from('more'))
      await writer.close()
      expect(handle.size).toBe(old.length)
      const buffer = Buffer.alloc(old.length + 4)
      expect(await handle.read(0, buffer)).toBe(old.length)
      expect(buffer.subarray(0, old.length).equals(old)).toBe(true)
      if (how === 'deleted') await store.delete(file.path)
      else await store.put(file.path, patterned(2 * MiB, 9))
      await untilGone(handle)
    }
  })

  it('for writing gets NOT_FOUND after its file was deleted', async () => {
    const { store } = deployment
    const file = await newFile(patterned(2 * MiB))
    for (const freed of [false, true]) {
      const { path } = await store.create(file.path, 'file', { ifExists: 'open' })
      await store.put(path, patterned(2 * MiB))
      const node = await store.lookup(path, 'file')
      await using reader = await node.open()
      const handle = await node.open({ write: true })
      await handle.write(MiB, Buffer.from('begun'))
      await store.delete(path)
      if (freed) {
        await untilGone(reader)
        expect(await codeOf(handle.write(2 * MiB - 1, Buffer.from('x')))).toBe('NOT_FOUND')
      }
      expect(await codeOf(handle.sync())).toBe('NOT_FOUND')
      expect(await codeOf(handle.close())).toBe('NOT_FOUND')
      expect(await store.exists(path)).toBe(false)
    }
  })
})
