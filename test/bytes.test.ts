import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { failureOf } from './support/failure.ts'
import { freeSpace, itLeavesNothing, shareCluster } from './support/shared-cluster.ts'
import { bytesOf, ended, errorOf, textOf, writeAll, written } from './support/streams.ts'

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

describe('put and get', () => {
  it.each([0, 1, 65_535, MiB - 1, MiB, MiB + 1, 5 * MiB + 1])('carry %i bytes', async length => {
    const { store } = shared
    const path = fresh()
    const bytes = patterned(length)
    await store.put(path, bytes)
    expect((await store.stat(path)).size).toBe(length)
    const back = await store.get(path)
    expect(Buffer.isBuffer(back)).toBe(true)
    expect(back.equals(bytes)).toBe(true)
    await store.delete(path)
  })

  it('take any view of memory and strings as UTF-8', async () => {
    const { store } = shared
    const path = fresh()
    await store.put(path, 'ä漢🙂\n')
    expect((await store.get(path)).toString()).toBe('ä漢🙂\n')
    await store.put(path, new Uint8Array(patterned(100).buffer, 10, 50))
    expect((await store.get(path)).length).toBe(50)
    await store.put(path, '')
    expect((await store.get(path)).length).toBe(0)
  })

  it('replace whatever length there was and give its blocks back', async () => {
    const { store } = shared
    const path = fresh()
    const { blocks } = await freeSpace(store)
    for (const length of [3 * MiB, 10, 0, 2 * MiB + 1]) {
      await store.put(path, patterned(length, length & 255))
      expect((await store.get(path)).equals(patterned(length, length & 255))).toBe(true)
      expect((await freeSpace(store)).blocks).toBe(blocks - (length > INLINE_LIMIT ? Math.ceil(length / MiB) : 0))
    }
  })

  it('are for files', async () => {
    const { store } = shared
    for (const type of ['directory', 'action'] as const) {
      const path = fresh()
      await store.create(path, type)
      expect((await failureOf(store.put(path, 'x'))).code).toBe('TYPE_MISMATCH')
      expect((await failureOf(store.get(path))).code).toBe('TYPE_MISMATCH')
    }
    expect((await failureOf(store.put('/missing/x', 'x'))).code).toBe('NOT_FOUND')
    expect((await failureOf(store.get('/missing'))).code).toBe('NOT_FOUND')
  })

  it('at the same time leave one of the values whole', async () => {
    const { store } = shared
    const path = fresh()
    const values = [2, 3, 4].map(seed => patterned(2 * MiB, seed))
    const outcomes = await Promise.allSettled(values.map(value => store.put(path, value)))
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'BUSY' })
    const back = await store.get(path)
    expect(values.some((value, i) => outcomes[i]!.status === 'fulfilled' && value.equals(back))).toBe(true)
  })
})

describe('a read stream', () => {
  it('gives the bytes of any range as node:fs does', async () => {
    const { store } = shared
    const path = fresh()
    const bytes = patterned(2 * MiB + 7)
    await store.put(path, bytes)
    const file = await store.lookup(path, 'file')
    const ranges: { readonly start?: number; readonly end?: number }[] = [
      {},
      { start: 0 },
      { start: MiB - 1, end: MiB },
      { end: 0 },
      { start: 5, end: 5 },
      { start: bytes.length - 1 },
      { start: bytes.length },
      { start: bytes.length + 10 },
      { start: MiB, end: bytes.length + 10 },
      { start: 3 * MiB, end: 4 * MiB },
    ]
    for (const range of ranges) {
      const { start = 0, end = Number.POSITIVE_INFINITY } = range
      const got = await bytesOf(file.createReadStream(range))
      expect(got.equals(bytes.subarray(start, end + 1))).toBe(true)
    }
  })

  it('refuses a range that makes no sense, as its error', async () => {
    const { store } = shared
    const path = fresh()
    await store.put(path, 'bytes')
    const file = await store.lookup(path, 'file')
    for (const range of [{ start: 2, end: 1 }, { start: -1 }, { start: 0.5 }, { end: -1 }, { end: Number.NaN }]) {
      expect(await errorOf(file.createReadStream(range))).toMatchObject({ name: 'GliderError', code: 'INVALID_ARGUMENT' })
    }
  })

  it('of an empty file ends at once', async () => {
    const file = await shared.store.create(fresh(), 'file')
    expect((await bytesOf(file.createReadStream())).length).toBe(0)
  })

  it('keeps the length that was committed when it opened', async () => {
    const { store } = shared
    const file = await store.create(fresh(), 'file')
    const writer = file.createWriteStream({ append: true })
    await written(writer, 'first')
    await writer.sync()
    const reader = file.createReadStream()
    await once(reader, 'readable')
    await written(writer, ' second')
    await writer.sync()
    expect(await textOf(reader)).toBe('first')
    expect(await textOf(file.createReadStream())).toBe('first second')
    await ended(writer)
  })

  it.each(['replaced', 'deleted'])('of a file that is %s gives the old bytes or ends in BLOCK_GONE, never a mix', async how => {
    const { store } = shared
    const path = fresh()
    const old = patterned(12 * MiB, 3)
    await store.put(path, old)
    const reader = (await store.lookup(path, 'file')).createReadStream()
    const chunks: Buffer[] = []
    let error: unknown
    try {
      for await (const chunk of reader) {
        if (chunks.length === 0) {
          if (how === 'deleted') await store.delete(path)
          else await store.put(path, patterned(12 * MiB, 4))
          // Takes the very blocks that have just been freed.
          await store.put(`${path}x`, patterned(12 * MiB, 5))
        }
        chunks.push(chunk as Buffer)
      }
    } catch (thrown) {
      error = thrown
    }
    const got = Buffer.concat(chunks)
    expect(got.equals(old.subarray(0, got.length))).toBe(true)
    expect(error).toMatchObject({ name: 'GliderError', code: 'BLOCK_GONE', message: expect.stringContaining(path) })
    if (how === 'replaced') expect((await store.get(path)).equals(patterned(12 * MiB, 4))).toBe(true)
    for await (const { path: left } of store.list('/')) await store.delete(left)
  })
})

describe('a write stream', () => {
  it('opens at once, and takes the claim without a byte written', async () => {
    const { store } = shared
    const file = await store.create(fresh(), 'file')
    const writer = file.createWriteStream()
    const other = file.createWriteStream()
    // Both were asked for in this turn: the first one has it.
    expect(await errorOf(other)).toMatchObject({ name: 'GliderError', code: 'BUSY', message: expect.stringContaining(file.path) })
    expect((await failureOf(store.put(file.path, 'x'))).code).toBe('BUSY')
    expect((await failureOf(file.open({ write: true }))).code).toBe('BUSY')
    expect(await errorOf(file.createWriteStream({ append: true }))).toMatchObject({ code: 'BUSY' })
    await ended(writer)
    await store.put(file.path, 'free again')
  })

  it('finishes when its bytes are committed, whichever way one waits for that', async () => {
    const { store } = shared
    const file = await store.create(fresh(), 'file')
    const bytes = patterned(3 * MiB + 5)
    await pipeline(Readable.from([bytes.subarray(0, MiB), bytes.subarray(MiB)]), file.createWriteStream())
    expect((await store.get(file.path)).equals(bytes)).toBe(true)
    await ended(file.createWriteStream().on('error', () => {}))
    expect((await store.get(file.path)).length).toBe(0)
    const writer = file.createWriteStream()
    writer.end('by event')
    await once(writer, 'finish')
    expect((await store.get(file.path)).toString()).toBe('by event')
  })

  it('shows its bytes to readers only once it has closed', async () => {
    const { store } = shared
    const path = fresh()
    await store.put(path, 'old')
    const writer = (await store.lookup(path, 'file')).createWriteStream()
    await written(writer, patterned(2 * MiB))
    expect((await store.get(path)).toString()).toBe('old')
    await ended(writer)
    expect((await store.stat(path)).size).toBe(2 * MiB)
  })

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

  it('destroyed before it has opened leaves no claim', async () => {
    const { store } = shared
    const file = await store.create(fresh(), 'file')
    for (const append of [false, true]) {
      const writer = file.createWriteStream({ append })
      writer.destroy()
      await once(writer, 'close')
      await store.put(file.path, 'the claim is free')
    }
    const abort = new AbortController()
    const cancelled = file.createWriteStream({ signal: abort.signal })
    abort.abort()
    expect(await errorOf(cancelled)).toMatchObject({ code: 'CANCELLED' })
    await store.exists('/')
    const asking = file.open({ write: true, signal: AbortSignal.abort() })
    expect((await failureOf(asking)).code).toBe('CANCELLED')
    const late = new AbortController()
    const opening = failureOf(file.open({ write: true, signal: late.signal }))
    late.abort()
    expect((await opening).code).toBe('CANCELLED')
    // By now the claim has been answered, and given back.
    await store.exists('/')
    await store.put(file.path, 'the claim is free')
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

  it('joins many small pieces and keeps their order', async () => {
    const { store } = shared
    const file = await store.create(fresh(), 'file')
    const lines = Array.from({ length: 50_000 }, (_, i) => `line ${i}\n`)
    await writeAll(file.createWriteStream(), ...lines)
    expect((await store.get(file.path)).toString()).toBe(lines.join(''))
    const strings = file.createWriteStream({ append: true })
    strings.write('é', 'utf8')
    strings.write('ff', 'hex')
    await ended(strings)
    expect((await store.get(file.path)).subarray(-3)).toEqual(Buffer.from([0xc3, 0xa9, 0xff]))
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
  it('goes on behind what was there and publishes with sync and close', async () => {
    const { store } = shared
    const path = fresh()
    await store.put(path, patterned(MiB - 3))
    const file = await store.lookup(path, 'file')
    const writer = file.createWriteStream({ append: true })
    await written(writer, 'abcdef')
    expect((await store.stat(path)).size).toBe(MiB - 3)
    await writer.sync()
    expect((await store.get(path)).subarray(MiB - 3).toString()).toBe('abcdef')
    await written(writer, 'ghi')
    expect((await store.stat(path)).size).toBe(MiB + 3)
    await ended(writer)
    expect((await store.get(path)).subarray(MiB - 3).toString()).toBe('abcdefghi')
  })

  it('publishes with sync what was written before it, while more is written', async () => {
    const { store } = shared
    const file = await store.create(fresh(), 'file')
    const writer = file.createWriteStream({ append: true })
    const bytes = patterned(12 * MiB)
    const syncs: Promise<void>[] = []
    for (let at = 0; at < bytes.length; at += 700_000) {
      writer.write(bytes.subarray(at, at + 700_000))
      const least = Math.min(at + 700_000, bytes.length)
      const check = async (): Promise<void> => {
        await writer.sync()
        const { size } = await file.stat()
        expect(size).toBeGreaterThanOrEqual(least)
        const buffer = Buffer.alloc(size)
        await using reader = await file.open()
        expect(await reader.read(0, buffer)).toBe(size)
        expect(buffer.equals(bytes.subarray(0, size))).toBe(true)
      }
      syncs.push(check())
    }
    await Promise.all(syncs)
    await ended(writer)
    expect((await store.get(file.path)).equals(bytes)).toBe(true)
    await store.delete(file.path)
  })

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

  it('only: a stream that replaces has nothing to sync', async () => {
    const file = await shared.store.create(fresh(), 'file')
    const writer = file.createWriteStream()
    await written(writer, 'x')
    expect((await failureOf(writer.sync())).code).toBe('INVALID_ARGUMENT')
    await ended(writer)
  })
})

describe('a direct handle', () => {
  it('reads anywhere, with any number of reads outstanding', async () => {
    const { store } = shared
    const path = fresh()
    const bytes = patterned(3 * MiB + 9)
    await store.put(path, bytes)
    await using handle = await (await store.lookup(path, 'file')).open()
    expect(handle.size).toBe(bytes.length)
    const reads = Array.from({ length: 200 }, async (_, i) => {
      const position = (i * 15_731) % bytes.length
      const buffer = Buffer.alloc(1 + ((i * 7919) % (2 * MiB)))
      const count = await handle.read(position, buffer)
      expect(count).toBe(Math.min(buffer.length, bytes.length - position))
      expect(buffer.subarray(0, count).equals(bytes.subarray(position, position + count))).toBe(true)
    })
    await Promise.all(reads)
    expect(await handle.read(bytes.length, Buffer.alloc(10))).toBe(0)
    expect(await handle.read(bytes.length + 100, Buffer.alloc(10))).toBe(0)
    expect(await handle.read(0, Buffer.alloc(0))).toBe(0)
  })

  it('for reading does not write; positions are whole numbers from 0; after close it is done', async () => {
    const { store } = shared
    const file = await store.create(fresh(), 'file')
    const handle = await file.open()
    expect((await failureOf(handle.write(0, Buffer.from('x')))).code).toBe('INVALID_ARGUMENT')
    expect((await failureOf(handle.sync())).code).toBe('INVALID_ARGUMENT')
    for (const position of [-1, 0.5, Number.NaN, 2 ** 53])
      expect((await failureOf(handle.read(position, Buffer.alloc(1)))).code).toBe('INVALID_ARGUMENT')
    await handle.close()
    expect((await failureOf(handle.read(0, Buffer.alloc(1)))).code).toBe('INVALID_ARGUMENT')
    await handle.close()
    const writing = await file.open({ write: true })
    await writing.close()
    expect((await failureOf(writing.write(0, Buffer.alloc(1)))).code).toBe('INVALID_ARGUMENT')
  })

  it('fills a gap with zeros, also where the block had other bytes before', async () => {
    const { store } = shared
    const path = fresh()
    // Blocks that are dirty when they are used again.
    await store.put(path, Buffer.alloc(16 * MiB, 0xff))
    await store.delete(path)
    const file = await store.create(path, 'file')
    const handle = await file.open({ write: true })
    await handle.write(3 * MiB + 5, Buffer.from('end'))
    await handle.write(10, Buffer.from('begin'))
    expect((await file.stat()).size).toBe(0)
    await handle.sync()
    const expected = Buffer.alloc(3 * MiB + 8)
    expected.write('begin', 10)
    expected.write('end', 3 * MiB + 5)
    expect((await store.get(path)).equals(expected)).toBe(true)
    await handle.write(5 * MiB, Buffer.from('!'))
    await handle.close()
    const whole = Buffer.concat([expected, Buffer.alloc(2 * MiB - 8), Buffer.from('!')])
    expect((await store.get(path)).equals(whole)).toBe(true)
    await store.delete(path)
  })

  it('writes in place: readers of committed bytes see them', async () => {
    const { store } = shared
    const path = fresh()
    await store.put(path, 'abcdef')
    await using handle = await (await store.lookup(path, 'file')).open({ write: true })
    await handle.write(2, Buffer.from('XY'))
    expect((await store.get(path)).toString()).toBe('abXYef')
    expect(handle.size).toBe(6)
  })

  it('reads back what it has written, published or not', async () => {
    const { store } = shared
    const file = await store.create(fresh(), 'file')
    await using handle = await file.open({ write: true })
    await handle.write(5, Buffer.from('unpublished'))
    expect(handle.size).toBe(16)
    const buffer = Buffer.alloc(20, '?')
    expect(await handle.read(0, buffer)).toBe(16)
    expect(buffer.subarray(0, 16).toString()).toBe('\0\0\0\0\0unpublished')
    expect((await file.stat()).size).toBe(0)
  })

  it('syncs and closes with writes outstanding, and leaves no hole', async () => {
    const { store } = shared
    const file = await store.create(fresh(), 'file')
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
    await store.delete(file.path)
  })

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
