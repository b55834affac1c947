import { once } from 'node:events'
import type { BagNode } from 'glider'
import { describe, expect, it } from 'vitest'
import { codeOf } from '../support/failure.ts'
import { bytesOf, ended, errorOf, textOf, writeAll, written } from '../support/streams.ts'
import { MiB } from './support/bytes.ts'
import { openDeployment } from './support/deployment.ts'
import { firstOf } from './support/tree.ts'

const deployment = openDeployment()

async function newBag(): Promise<BagNode> {
  return deployment.store.create(`${await deployment.directory()}/bag`, 'bag')
}

/** Bytes that tell their part and their place in it, wherever they are cut apart. */
function partOf(number: number, words: number): Buffer {
  const part = Buffer.alloc(8 * words)
  for (let i = 0; i < words; i++) part.writeUInt32LE(number, part.writeUInt32LE(i, i * 8))
  return part
}

/** Words by part; fails where the bytes of a part are not in order, or twice there. */
function partsIn(bytes: Buffer): Map<number, number> {
  const parts = new Map<number, number>()
  expect(bytes.length % 8).toBe(0)
  for (let at = 0; at < bytes.length; at += 8) {
    const number = bytes.readUInt32LE(at + 4)
    const place = parts.get(number) ?? 0
    if (bytes.readUInt32LE(at) !== place) expect([number, bytes.readUInt32LE(at)]).toEqual([number, place])
    parts.set(number, place + 1)
  }
  return parts
}

describe('a bag', () => {
  it('of no parts is empty', async () => {
    const bag = await newBag()
    expect((await bytesOf(bag.createReadStream())).length).toBe(0)
    expect((await bag.stat()).size).toBe(0)
  })

  it('counts a part when its stream has closed', async () => {
    const bag = await newBag()
    const open = bag.append()
    await written(open, 'not yet')
    await writeAll(bag.append(), 'there')
    expect(await textOf(bag.createReadStream())).toBe('there')
    expect((await bag.stat()).size).toBe(5)
    await ended(open)
    expect(['therenot yet', 'not yetthere']).toContain(await textOf(bag.createReadStream()))
    expect((await bag.stat()).size).toBe(12)
  })

  it.each([undefined, new Error('enough')])('is left nothing by a part that is destroyed with %s', async reason => {
    const bag = await newBag()
    for (const bytes of ['small', Buffer.alloc(3 * MiB)]) {
      const aborted = bag.append()
      await written(aborted, bytes)
      const closed = new Promise(resolve => aborted.on('close', resolve))
      aborted.on('error', error => expect(error).toBe(reason))
      aborted.destroy(reason)
      await closed
    }
    expect((await bag.stat()).size).toBe(0)
    expect((await bytesOf(bag.createReadStream())).length).toBe(0)
  })

  it('lets an empty part vanish', async () => {
    const bag = await newBag()
    await writeAll(bag.append(), 'one')
    await ended(bag.append())
    await writeAll(bag.append(), 'two')
    expect((await textOf(bag.createReadStream())).length).toBe(6)
  })

  it('takes parts from many writers at the same time, also of different clients', async () => {
    const bag = await newBag()
    const other = await (await deployment.connect()).lookup(bag.path, 'bag')
    const words = [1, 2, 65_536, 65_537, 131_072, 131_073, 400_000, 7]
    const writing = words.map(async (count, number) => {
      const stream = (number % 2 === 0 ? bag : other).append()
      const part = partOf(number, count)
      for (let at = 0; at < part.length; at += 300_001) await written(stream, part.subarray(at, at + 300_001))
      await ended(stream)
    })
    await Promise.all(writing)
    expect(new Map([...partsIn(await bytesOf(other.createReadStream()))].sort(([a], [b]) => a - b))).toEqual(
      new Map(words.entries()),
    )
  })

  it('gives a reader every part that was committed when it opened once, and no later one', async () => {
    const bag = await newBag()
    for (let i = 0; i < 100; i++) await writeAll(bag.append(), partOf(i, 3))
    const reader = bag.createReadStream()
    await once(reader, 'readable')
    await writeAll(bag.append(), partOf(100, 3))
    const parts = partsIn(await bytesOf(reader))
    expect([...parts.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i))
    expect(new Set(parts.values())).toEqual(new Set([3]))
  })

  it('opens its reader at once, not with the first byte', async () => {
    const bag = await newBag()
    await writeAll(bag.append(), 'before')
    const reader = bag.createReadStream()
    await writeAll(bag.append(), 'after')
    expect(await textOf(reader)).toBe('before')
  })

  it('has parts without paths', async () => {
    const { store } = deployment
    const bag = await newBag()
    await writeAll(bag.append(), 'part')
    for (const name of ['0', '1', 'part']) expect(await store.exists(`${bag.path}/${name}`)).toBe(false)
    expect(await codeOf(firstOf(store.list(bag.path)))).toBe('TYPE_MISMATCH')
    expect(await codeOf(store.put(`${bag.path}/0`, 'x'))).toBe('TYPE_MISMATCH')
    expect(await codeOf(store.put(bag.path, 'x'))).toBe('TYPE_MISMATCH')
    expect(await codeOf(store.get(bag.path))).toBe('TYPE_MISMATCH')
  })

  it('is deleted without recursive, however many parts it has', async () => {
    const { store } = deployment
    const bag = await newBag()
    for (let i = 0; i < 3; i++) await writeAll(bag.append(), 'part')
    const late = bag.append()
    await written(late, 'never')
    expect(await store.delete(bag.path)).toBe(true)
    const failure = errorOf(late)
    late.end()
    expect((await failure).code).toBe('NOT_FOUND')
    expect(await codeOf(bytesOf(bag.createReadStream()))).toBe('NOT_FOUND')
  })

  it('that is deleted gives its readers everything, or ends them in BLOCK_GONE, never quietly', async () => {
    const { store } = deployment
    const bag = await newBag()
    for (let i = 0; i < 16; i++) await writeAll(bag.append(), partOf(i, 131_072))
    const chunks: Buffer[] = []
    let error: unknown
    try {
      for await (const chunk of bag.createReadStream()) {
        chunks.push(chunk as Buffer)
        if (chunks.length > 1) continue
        await store.delete(bag.path)
        // Perhaps takes the very blocks that have just been freed.
        await store.put(`${bag.path}x`, Buffer.alloc(16 * MiB, 0xff))
      }
    } catch (thrown) {
      error = thrown
    }
    if (error !== undefined) expect(error).toMatchObject({ name: 'GliderError', code: 'BLOCK_GONE' })
    const parts = partsIn(Buffer.concat(chunks))
    if (error === undefined) expect([...parts.values()]).toEqual(Array.from({ length: 16 }, () => 131_072))
  })

  it('stays the same over a rename, for its proxy and for an open part', async () => {
    const { store } = deployment
    const bag = await newBag()
    const writing = bag.append()
    await written(writing, 'part')
    const moved = `${bag.path}-moved`
    await store.rename(bag.path, moved)
    await ended(writing)
    expect((await store.lookup(moved, 'bag')).type).toBe('bag')
    expect((await bag.stat()).path).toBe(moved)
    expect(await textOf(bag.createReadStream())).toBe('part')
  })
})
