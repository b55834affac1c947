import { once } from 'node:events'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { failureOf } from './support/failure.ts'
import { freeSpace, itLeavesNothing, shareCluster } from './support/shared-cluster.ts'
import { ended, errorOf, writeAll, written } from './support/streams.ts'

const MiB = 1 << 20
/** What is at most so long is kept with the metadata, and takes no block. */
const INLINE_LIMIT = 4096
const shared = shareCluster({ storageServers: 2, activeServers: 0, capacity: '32MiB' })

let names = 0
const fresh = (): string => `/f${names++}`

/** Bytes that tell where they are from. */
function patterned(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * 7 + (i >> 16) * seed + seed) & 255
  return bytes
}

describe('put', () => {
  it('gives back the blocks of what it replaces', async () => {
    const { store } = shared
    const path = fresh()
    const { blocks } = await freeSpace(store)
    for (const length of [3 * MiB, 10, 0, 2 * MiB + 1]) {
      await store.put(path, patterned(length, length & 255))
      expect((await store.get(path)).equals(patterned(length, length & 255))).toBe(true)
      expect((await freeSpace(store)).blocks).toBe(blocks - (length > INLINE_LIMIT ? Math.ceil(length / MiB) : 0))
    }
  })
})

describe('a write stream', () => {
  it.each([undefined, new Error('enough')])('destroyed with %s leaves the old bytes and frees the new blocks', async reason => {
    const { store } = shared
    const path = fresh()
    await store.put(path, 'old')
    const before = await freeSpace(store)
    const writer = (await store.lookup(path, 'file')).createWriteStream()
    await written(writer, patterned(3 * MiB))
    const closed = new Promise(resolve => writer.on('close', resolve))
    writer.on('error', error => expect(error).toBe(reason))
    writer.destroy(reason)
    await closed
    expect((await store.get(path)).toString()).toBe('old')
    expect(await freeSpace(store)).toEqual(before)
    await store.put(path, 'the claim is free')
  })

  it('lets a small piece leave at once when nothing is in flight', async () => {
    const { store } = shared
    const writer = (await store.create(fresh(), 'file')).createWriteStream()
    const before = store.counters().bytesSent
    for (let i = 1; i <= 5; i++) {
      await written(writer, 'x')
      while (store.counters().bytesSent < before + i) await store.exists('/')
    }
    await ended(writer)
  })

  it('gets NOT_FOUND after its file was deleted, and the new bytes are freed', async () => {
    const { store } = shared
    const before = await freeSpace(store)
    for (const append of [false, true]) {
      const file = await store.create(fresh(), 'file')
      const writer = file.createWriteStream({ append })
      await written(writer, patterned(MiB))
      await store.delete(file.path)
      const failure = errorOf(writer)
      writer.end(patterned(MiB))
      expect(await failure).toMatchObject({ name: 'GliderError', code: 'NOT_FOUND', message: expect.stringContaining(file.path) })
    }
    expect(await freeSpace(store)).toEqual(before)
  })
})

describe('an appending stream', () => {
  it('that is destroyed keeps what sync had published', async () => {
    const { store } = shared
    const before = await freeSpace(store)
    const file = await store.create(fresh(), 'file')
    const writer = file.createWriteStream({ append: true })
    await written(writer, 'kept')
    await writer.sync()
    await written(writer, patterned(2 * MiB))
    writer.destroy()
    await once(writer, 'close')
    expect((await store.get(file.path)).toString()).toBe('kept')
    await writeAll(file.createWriteStream({ append: true }), ' and more')
    expect((await store.get(file.path)).toString()).toBe('kept and more')
    await store.delete(file.path)
    expect(await freeSpace(store)).toEqual(before)
  })
})

describe('a direct handle', () => {
  it('is like a piece of memory, whatever is written and read in whatever order', async () => {
    const { store } = shared
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('write' as const),
          at: fc.nat(3 * MiB),
          length: fc.nat(MiB + 10),
          seed: fc.nat(200),
        }),
      },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('read' as const), at: fc.nat(4 * MiB), length: fc.nat(MiB) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('sync' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async steps => {
        const file = await store.create(fresh(), 'file')
        let model: Buffer = Buffer.alloc(0)
        let published = model
        let handle = await file.open({ write: true })
        for (const step of steps) {
          if (step.do === 'write') {
            const bytes = patterned(step.length, step.seed)
            await handle.write(step.at, bytes)
            if (step.length > 0) {
              const grown = Buffer.alloc(Math.max(model.length, step.at + step.length))
              model.copy(grown)
              bytes.copy(grown, step.at)
              model = grown
            }
          } else if (step.do === 'read') {
            const buffer = Buffer.alloc(step.length)
            const count = await handle.read(step.at, buffer)
            expect(buffer.subarray(0, count).equals(model.subarray(step.at, step.at + step.length))).toBe(true)
          } else {
            if (step.do === 'sync') await handle.sync()
            else {
              await handle.close()
              handle = await file.open({ write: true })
            }
            published = model
            expect((await store.get(file.path)).equals(published)).toBe(true)
          }
          expect(handle.size).toBe(model.length)
        }
        await handle.close()
        expect((await store.get(file.path)).equals(model)).toBe(true)
        await store.delete(file.path)
      }),
      { numRuns: 25 },
    )
  })
})

describe('a full class', () => {
  it('is NO_SPACE, leaves the old bytes and frees everything', async () => {
    const { store } = shared
    const path = fresh()
    const old = patterned(INLINE_LIMIT + 1)
    await store.put(path, old)
    const before = await freeSpace(store)
    const tooMuch = Buffer.alloc(before.blocks * MiB + 1)
    expect(await failureOf(store.put(path, tooMuch))).toMatchObject({ code: 'NO_SPACE', message: expect.stringContaining(path) })
    expect(await freeSpace(store)).toEqual(before)
    const file = await store.lookup(path, 'file')
    expect((await failureOf(writeAll(file.createWriteStream(), tooMuch))).code).toBe('NO_SPACE')
    expect(await freeSpace(store)).toEqual(before)
    // In place, the block that the file has is there as well.
    const stillTooMuch = Buffer.alloc(tooMuch.length + MiB)
    expect((await failureOf(writeAll(file.createWriteStream({ append: true }), stillTooMuch))).code).toBe('NO_SPACE')
    expect(await freeSpace(store)).toEqual(before)
    const handle = await file.open({ write: true })
    expect((await failureOf(handle.write(0, stillTooMuch))).code).toBe('NO_SPACE')
    await handle.close()
    expect((await store.get(path)).subarray(0, 3).toString()).toBe('\0\0\0')
    await store.put(path, old)
    expect(await freeSpace(store)).toEqual(before)
    // What fits is taken to the last block.
    await store.put(fresh(), Buffer.alloc(before.blocks * MiB))
    expect((await freeSpace(store)).blocks).toBe(0)
    expect((await failureOf(store.put(path, patterned(INLINE_LIMIT + 1, 1)))).code).toBe('NO_SPACE')
    expect((await store.get(path)).equals(old)).toBe(true)
    // What is kept with the metadata needs no block.
    await store.put(fresh(), 'small')
    await store.put(fresh(), '')
  })
})

itLeavesNothing(shared)
