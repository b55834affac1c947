import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FileNode } from 'glider'
import { describe, expect, it } from 'vitest'
import { codeOf, failureOf } from '../support/failure.ts'
import { bytesOf, ended, errorOf, textOf, writeAll, written } from '../support/streams.ts'
import { MiB, patterned, untilGone } from './support/bytes.ts'
import { openDeployment } from './support/deployment.ts'
import { namesIn } from './support/tree.ts'

const deployment = openDeployment()

async function newFile(bytes?: Uint8Array | string): Promise<FileNode> {
  const path = `${await deployment.directory()}/file`
  if (bytes !== undefined) await deployment.store.put(path, bytes)
  return deployment.store.create(path, 'file', { ifExists: 'open' })
}

describe('put and get', () => {
  it.each([0, 1, 4095, 4096, 4097, 65_535, 65_536, MiB - 1, MiB, MiB + 1, 5 * MiB + 1])('carry %i bytes', async length => {
    const { store } = deployment
    const path = `${await deployment.directory()}/file`
    const bytes = patterned(length)
    await store.put(path, bytes)
    expect((await store.stat(path)).size).toBe(length)
    const back = await store.get(path)
    expect(Buffer.isBuffer(back)).toBe(true)
    expect(back.equals(bytes)).toBe(true)
  })

  it('take strings as UTF-8, and any view of memory', async () => {
    const { store } = deployment
    const { path } = await newFile()
    await store.put(path, 'ä漢🙂\n')
    expect((await store.get(path)).toString('utf8')).toBe('ä漢🙂\n')
    await store.put(path, 'ä'.repeat(200_000))
    expect((await store.get(path)).equals(Buffer.from('ä'.repeat(200_000), 'utf8'))).toBe(true)
    const memory = patterned(100)
    await store.put(path, new Uint8Array(memory.buffer, memory.byteOffset + 10, 50))
    expect((await store.get(path)).equals(memory.subarray(10, 60))).toBe(true)
    await store.put(path, '')
    expect((await store.get(path)).length).toBe(0)
  })

  it('take nothing but bytes and strings: anything else is INVALID_ARGUMENT', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    const table = await store.create(`${base}/table`, 'table')
    const wrong: unknown[] = [
      undefined,
      null,
      5,
      {},
      [1, 2],
      new ArrayBuffer(4),
      new Uint16Array(200_000),
      new DataView(new ArrayBuffer(9)),
    ]
    for (const bytes of wrong as Uint8Array[]) {
      expect(await codeOf(store.put(`${base}/x`, bytes))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(table.put('x', bytes))).toBe('INVALID_ARGUMENT')
    }
    expect(await namesIn(store, base)).toEqual(['table'])
  })

  it('create or replace a file, of whatever length it was', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    for (const length of [3 * MiB, 10, 0, 2 * MiB + 1, 5]) {
      await store.put(`${base}/x`, patterned(length, length & 255))
      expect(await store.stat(`${base}/x`)).toMatchObject({ type: 'file', size: length })
      expect((await store.get(`${base}/x`)).equals(patterned(length, length & 255))).toBe(true)
    }
  })

  it('are for files: below a table for keyvalues, of any other type TYPE_MISMATCH', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    for (const type of ['directory', 'table', 'bag', 'action'] as const) {
      await store.create(`${base}/${type}`, type)
      expect(await codeOf(store.put(`${base}/${type}`, 'x'))).toBe('TYPE_MISMATCH')
      expect(await codeOf(store.put(`${base}/${type}`, patterned(MiB)))).toBe('TYPE_MISMATCH')
      expect(await codeOf(store.get(`${base}/${type}`))).toBe('TYPE_MISMATCH')
    }
    await store.put(`${base}/table/key`, 'x')
    expect((await store.stat(`${base}/table/key`)).type).toBe('keyvalue')
  })

  it('find no parent unless parents makes it, and nothing where nothing is', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    for (const bytes of ['x', patterned(MiB)]) {
      const path = `${base}/${bytes.length}/a/x`
      expect(await codeOf(store.put(path, bytes))).toBe('NOT_FOUND')
      await store.put(path, bytes, { parents: true })
      expect((await store.get(path)).equals(Buffer.from(bytes as string))).toBe(true)
    }
    expect(await failureOf(store.get(`${base}/missing`))).toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(`${base}/missing`),
    })
  })

  it('at the same time leave one of the values whole', async () => {
    const { store } = deployment
    const file = await newFile('old')
    const values = [2, 3, 4].map(seed => patterned(2 * MiB, seed))
    const outcomes = await Promise.allSettled(values.map(value => store.put(file.path, value)))
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'BUSY' })
    const back = await store.get(file.path)
    expect(values.some((value, i) => outcomes[i]!.status === 'fulfilled' && value.equals(back))).toBe(true)
  })

  it('at the same time never show a mix', async () => {
    const { store } = deployment
    const file = await newFile(Buffer.alloc(10, 0))
    const other = await deployment.connect()
    const sizes = [10, 5000, MiB + 17, 0, 3 * MiB, 4000]
    const putting = { over: false }
    const gets = [1, 2].map(async () => {
      let seen = 0
      for (; !putting.over; seen++) {
        const value = await other.get(file.path)
        const first = value[0] ?? 3
        expect(value.length).toBe(sizes[first])
        expect(value.equals(Buffer.alloc(value.length, first))).toBe(true)
      }
      return seen
    })
    for (let i = 0; i < 30; i++) await store.put(file.path, Buffer.alloc(sizes[i % sizes.length]!, i % sizes.length))
    putting.over = true
    for (const seen of await Promise.all(gets)) expect(seen).toBeGreaterThan(0)
  })
})

describe('a read stream', () => {
  it('is a Node stream, there at once; whatever fails is its error', async () => {
    const file = await newFile('bytes')
    const reader = file.createReadStream()
    expect(reader).toBeInstanceOf(Readable)
    expect(await textOf(reader)).toBe('bytes')
    await deployment.store.delete(file.path)
    expect(await errorOf(file.createReadStream())).toMatchObject({
      name: 'GliderError',
      code: 'NOT_FOUND',
    })
  })

  it.each([10, 3000, 2 * MiB + 7])('of %i bytes gives any range as node:fs does', async length => {
    const bytes = patterned(length)
    const file = await newFile(bytes)
    const half = length >> 1
    const ranges: { readonly start?: number; readonly end?: number }[] = [
      {},
      { start: 0 },
      { end: Number.POSITIVE_INFINITY },
      { start: half - 1, end: half },
      { end: 0 },
      { start: 5, end: 5 },
      { start: length - 1 },
      { start: length - 1, end: length - 1 },
      { start: length },
      { start: length, end: length },
      { start: length + 10 },
      { start: half, end: length + 10 },
      { start: length * 3, end: length * 4 },
      { start: 1, end: Number.MAX_SAFE_INTEGER },
      { start: Number.MAX_SAFE_INTEGER },
    ]
    for (const range of ranges) {
      const { start = 0, end = Number.POSITIVE_INFINITY } = range
      const got = await bytesOf(file.createReadStream(range))
      expect([range, got.equals(bytes.subarray(start, end + 1))]).toEqual([range, true])
    }
  })

  it('with a range that makes no sense is INVALID_ARGUMENT', async () => {
    const file = await newFile('bytes')
    const wrong = [
      { start: 2, end: 1 },
      { start: 100, end: 50 },
      { start: -1 },
      { start: 0.5 },
      { start: Number.POSITIVE_INFINITY },
      { end: -1 },
      { end: Number.NaN },
    ]
    for (const range of wrong) {
      expect(await errorOf(file.createReadStream(range))).toMatchObject({ name: 'GliderError', code: 'INVALID_ARGUMENT' })
    }
  })

  it('of an empty file ends at once', async () => {
    const file = await newFile()
    expect((await bytesOf(file.createReadStream())).length).toBe(0)
    expect((await bytesOf(file.createReadStream({ start: 5 }))).length).toBe(0)
  })

  it('opens at once, not with the first byte', async () => {
    const file = await newFile('old')
    const reader = file.createReadStream()
    const appender = file.createWriteStream({ append: true })
    await written(appender, ' and more')
    await appender.sync()
    expect(await textOf(reader)).toBe('old')
    await ended(appender)
  })

  it('keeps the length that was committed when it opened', async () => {
    const file = await newFile()
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

  it.each(['replaced', 'deleted', 'replaced by a new node'])(
    'of a version that is %s ends in BLOCK_GONE, never in a mix',
    async how => {
      const { store } = deployment
      const old = patterned(12 * MiB, 3)
      const file = await newFile(old)
      const { path } = file
      await using handle = await file.open()
      const chunks: Buffer[] = []
      let error: unknown
      try {
        for await (const chunk of file.createReadStream()) {
          if (chunks.length === 0) {
            if (how === 'deleted') await store.delete(path)
            else if (how === 'replaced') await store.put(path, patterned(12 * MiB, 4))
            else await store.create(path, 'file', { ifExists: 'replace' })
            // Perhaps takes the very blocks that have just been freed.
            await store.put(`${path}x`, patterned(12 * MiB, 5))
            await untilGone(handle)
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
    },
  )
})

describe('a write stream', () => {
  it('takes the one write claim at once, without a byte written; a second is BUSY', async () => {
    const { store } = deployment
    const file = await newFile('old')
    const other = await (await deployment.connect()).lookup(file.path, 'file')
    const writer = file.createWriteStream()
    // Both were asked for in this turn: the first one has it.
    expect(await errorOf(file.createWriteStream())).toMatchObject({
      name: 'GliderError',
      code: 'BUSY',
      retryable: true,
      message: expect.stringContaining(file.path),
    })
    const asked = [
      failureOf(store.put(file.path, 'x')),
      failureOf(store.put(file.path, patterned(MiB))),
      failureOf(file.open({ write: true })),
      failureOf(other.open({ write: true })),
      errorOf(file.createWriteStream({ append: true })),
      errorOf(other.createWriteStream()),
    ]
    for (const failure of await Promise.all(asked)) expect(failure.code).toBe('BUSY')
    // Readers need no claim.
    expect((await store.get(file.path)).toString()).toBe('old')
    expect(await textOf(other.createReadStream())).toBe('old')
    await (await other.open()).close()
    await ended(writer)
    await store.put(file.path, 'free again')
  })

  it.each([
    [
      'an appending stream',
      async (file: FileNode) => {
        const writer = file.createWriteStream({ append: true })
        await written(writer, '')
        return () => ended(writer)
      },
    ],
    [
      'a direct handle',
      async (file: FileNode) => {
        const handle = await file.open({ write: true })
        return () => handle.close()
      },
    ],
  ])('finds %s with the claim', async (_, take) => {
    const { store } = deployment
    const file = await newFile('old')
    const giveBack = await take(file)
    expect(await codeOf(store.put(file.path, 'x'))).toBe('BUSY')
    expect(await codeOf(file.open({ write: true }))).toBe('BUSY')
    expect((await errorOf(file.createWriteStream())).code).toBe('BUSY')
    expect((await errorOf(file.createWriteStream({ append: true }))).code).toBe('BUSY')
    await giveBack()
    await store.put(file.path, 'free again')
    expect((await store.get(file.path)).toString()).toBe('free again')
  })

  it('that has failed with BUSY takes nothing from the one with the claim', async () => {
    const { store } = deployment
    const file = await newFile('old')
    const writer = file.createWriteStream()
    await written(writer, 'new')
    const second = file.createWriteStream()
    expect((await errorOf(second)).code).toBe('BUSY')
    second.destroy()
    expect(await codeOf(store.put(file.path, 'x'))).toBe('BUSY')
    await ended(writer)
    expect((await store.get(file.path)).toString()).toBe('new')
  })

  it('of a dead writer gives its claim back with its connection', async () => {
    const { store } = deployment
    const file = await newFile('old')
    const dead = await deployment.throughProxy()
    for (const append of [false, true]) {
      const writer = (await dead.store.lookup(file.path, 'file')).createWriteStream({ append })
      await written(writer, 'half of it')
      expect(await codeOf(store.put(file.path, 'x'))).toBe('BUSY')
      const failure = errorOf(writer)
      dead.proxy.cut()
      writer.end()
      expect((await failure).code).toBe('UNAVAILABLE')
      expect((await store.get(file.path)).toString()).toBe('old')
      await store.put(file.path, 'old')
    }
  })

  it('finishes when its bytes are committed, whichever way one waits for that', async () => {
    const { store } = deployment
    const file = await newFile()
    const bytes = patterned(3 * MiB + 5)
    await pipeline(Readable.from([bytes.subarray(0, MiB), bytes.subarray(MiB)]), file.createWriteStream())
    expect((await store.get(file.path)).equals(bytes)).toBe(true)
    await ended(file.createWriteStream())
    expect((await store.get(file.path)).length).toBe(0)
    const writer = file.createWriteStream()
    writer.end('by event')
    await once(writer, 'finish')
    expect((await store.get(file.path)).toString()).toBe('by event')
    await new Promise<void>(resolve => file.createWriteStream().end('by callback', resolve))
    expect((await store.get(file.path)).toString()).toBe('by callback')
    // And the claim is free for the next.
    for (let i = 0; i < 10; i++) await writeAll(file.createWriteStream(), `${i}`)
    expect((await store.get(file.path)).toString()).toBe('9')
  })

  it('shows readers the old bytes until its close, then the new ones', async () => {
    const { store } = deployment
    for (const old of ['old', patterned(MiB + 3, 7)]) {
      const file = await newFile(old)
      const writer = file.createWriteStream()
      await written(writer, patterned(2 * MiB))
      expect((await store.get(file.path)).equals(Buffer.from(old as string))).toBe(true)
      expect((await file.stat()).size).toBe(old.length)
      await ended(writer)
      expect((await store.get(file.path)).equals(patterned(2 * MiB))).toBe(true)
    }
  })

  it('that writes nothing leaves an empty file', async () => {
    const file = await newFile(patterned(MiB))
    await ended(file.createWriteStream())
    expect((await file.stat()).size).toBe(0)
  })

  it.each([undefined, new Error('enough')])(
    'destroyed with %s before finish is an abort, and leaves the old bytes',
    async reason => {
      const { store } = deployment
      for (const append of [false, true]) {
        const file = await newFile('old')
        const writer = file.createWriteStream({ append })
        await written(writer, patterned(3 * MiB))
        const closed = new Promise(resolve => writer.on('close', resolve))
        writer.on('error', error => expect(error).toBe(reason))
        writer.on('finish', () => expect.unreachable('it was aborted'))
        writer.destroy(reason)
        await closed
        expect((await store.get(file.path)).toString()).toBe('old')
        await store.put(file.path, 'the claim is free')
      }
    },
  )

  it('destroyed in the turn of its end is an abort as well', async () => {
    const { store } = deployment
    const file = await newFile('old')
    for (const append of [false, true]) {
      const opened = file.createWriteStream({ append })
      await written(opened, 'new')
      for (const writer of [opened, undefined]) {
        const ending = writer ?? file.createWriteStream({ append })
        ending.end('end')
        ending.destroy()
        await once(ending, 'close')
        expect((await store.get(file.path)).toString()).toBe('old')
      }
    }
  })

  it('destroyed before it has opened leaves no claim', async () => {
    const { store } = deployment
    const file = await newFile()
    for (const append of [false, true]) {
      const writer = file.createWriteStream({ append })
      writer.destroy()
      await once(writer, 'close')
      await store.put(file.path, 'the claim is free')
    }
    const abort = new AbortController()
    const cancelled = file.createWriteStream({ signal: abort.signal })
    abort.abort()
    expect((await errorOf(cancelled)).code).toBe('CANCELLED')
    await store.exists('/')
    expect(await codeOf(file.open({ write: true, signal: AbortSignal.abort() }))).toBe('CANCELLED')
    const late = new AbortController()
    const opening = codeOf(file.open({ write: true, signal: late.signal }))
    late.abort()
    expect(await opening).toBe('CANCELLED')
    // By now the claim has been answered, and given back.
    await store.exists('/')
    await store.put(file.path, 'the claim is free')
  })

  it('keeps the order of many small pieces, and takes what the memory held when it was written', async () => {
    const { store } = deployment
    const file = await newFile()
    const lines = Array.from({ length: 50_000 }, (_, i) => `line ${i}\n`)
    await writeAll(file.createWriteStream(), ...lines)
    expect((await store.get(file.path)).toString()).toBe(lines.join(''))
    const writer = file.createWriteStream()
    const memory = Buffer.alloc(4)
    for (let i = 0; i < 1000; i++) {
      memory.writeUInt32LE(i)
      await written(writer, memory)
    }
    await ended(writer)
    const back = await store.get(file.path)
    expect(Array.from({ length: 1000 }, (_, i) => back.readUInt32LE(i * 4))).toEqual(Array.from({ length: 1000 }, (_, i) => i))
  })

  it('takes strings as UTF-8, unless another encoding is named', async () => {
    const { store } = deployment
    const file = await newFile()
    const writer = file.createWriteStream()
    writer.write('é漢')
    writer.write('é', 'utf8')
    writer.write('ff', 'hex')
    await ended(writer)
    expect(await store.get(file.path)).toEqual(Buffer.concat([Buffer.from('é漢é'), Buffer.from([0xff])]))
  })

  it('gets NOT_FOUND after its file was deleted, and the name stays free', async () => {
    const { store } = deployment
    for (const append of [false, true]) {
      const file = await newFile(patterned(MiB))
      const writer = file.createWriteStream({ append })
      await written(writer, patterned(MiB))
      await store.delete(file.path)
      const failure = errorOf(writer)
      writer.end(patterned(MiB))
      expect(await failure).toMatchObject({ name: 'GliderError', code: 'NOT_FOUND', message: expect.stringContaining(file.path) })
      expect(await store.exists(file.path)).toBe(false)
    }
  })

  it('gets NOT_FOUND also once the storage servers know that the blocks are free', async () => {
    const { store } = deployment
    const file = await newFile(patterned(MiB))
    await using handle = await file.open()
    const writer = file.createWriteStream({ append: true })
    await written(writer, 'begun')
    await store.delete(file.path)
    await untilGone(handle)
    const failure = errorOf(writer)
    writer.end(patterned(3 * MiB))
    expect((await failure).code).toBe('NOT_FOUND')
  })
})

describe('an appending stream', () => {
  it.each([0, 100, MiB - 3])('goes on behind %i bytes, and publishes with sync and close', async length => {
    const { store } = deployment
    const old = patterned(length)
    const file = await newFile(old)
    const writer = file.createWriteStream({ append: true })
    await written(writer, 'abcdef')
    expect((await file.stat()).size).toBe(length)
    await writer.sync()
    expect((await store.get(file.path)).equals(Buffer.concat([old, Buffer.from('abcdef')]))).toBe(true)
    await written(writer, 'ghi')
    expect((await file.stat()).size).toBe(length + 6)
    await ended(writer)
    expect((await store.get(file.path)).equals(Buffer.concat([old, Buffer.from('abcdefghi')]))).toBe(true)
  })

  it('that writes nothing changes nothing', async () => {
    for (const old of ['small', patterned(MiB + 1)]) {
      const file = await newFile(old)
      const writer = file.createWriteStream({ append: true })
      await writer.sync()
      await ended(writer)
      expect((await deployment.store.get(file.path)).equals(Buffer.from(old as string))).toBe(true)
    }
  })

  it('publishes with sync what was written before it, while more is written', async () => {
    const { store } = deployment
    const file = await newFile()
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
  })

  it('that is destroyed keeps what sync had published', async () => {
    const { store } = deployment
    const file = await newFile()
    const writer = file.createWriteStream({ append: true })
    await written(writer, 'kept')
    await writer.sync()
    await written(writer, patterned(2 * MiB))
    writer.destroy()
    await once(writer, 'close')
    expect((await store.get(file.path)).toString()).toBe('kept')
    await writeAll(file.createWriteStream({ append: true }), ' and more')
    expect((await store.get(file.path)).toString()).toBe('kept and more')
  })

  it('gives an outstanding sync a GliderError where it is destroyed', async () => {
    const file = await newFile('old')
    for (const reason of [undefined, new Error('enough')]) {
      for (const opened of [false, true]) {
        const writer = file.createWriteStream({ append: true })
        writer.on('error', () => {})
        const closed = new Promise(resolve => writer.on('close', resolve))
        if (opened) await written(writer, 'open by now')
        writer.write('lost')
        const code = codeOf(writer.sync())
        writer.destroy(reason)
        expect(await code).toBe('CANCELLED')
        await closed
        expect(await codeOf(writer.sync())).toBe('CANCELLED')
      }
    }
    expect((await deployment.store.get(file.path)).toString()).toBe('old')
  })

  it('alone has something to sync: one that replaces is INVALID_ARGUMENT', async () => {
    const file = await newFile()
    const writer = file.createWriteStream()
    await written(writer, 'x')
    expect(await codeOf(writer.sync())).toBe('INVALID_ARGUMENT')
    await ended(writer)
    expect((await deployment.store.get(file.path)).toString()).toBe('x')
  })
})
