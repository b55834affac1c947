import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GliderError } from './errors.ts'
import { encodeFrame, frameKind } from './frame.ts'
import { HandlerTable } from './handlers.ts'
import type { ByteStream } from './peer.ts'
import type { StreamSink } from './sink.ts'
import type { MuxStream } from './stream.ts'
import { connect, rawSetup } from './testing/connections.ts'
import { testOperations } from './testing/operations.ts'
import { CONNECTION_WINDOW_BYTES, MAX_WINDOW_BYTES, ReceiveWindow, WindowBudget } from './window.ts'

const { echo, upload, download } = testOperations
const KIB = 1 << 10

/** All that is under way within the process has come to rest. */
function rest(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}

async function readAll(stream: ByteStream): Promise<Buffer> {
  const chunks: Buffer[] = []
  for (let chunk = await stream.read(); chunk; chunk = await stream.read()) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function pattern(bytes: number, seed: number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes)
  for (let i = 0; i < bytes; i++) buffer[i] = (i * 31 + seed * 17 + (i >> 8)) & 255
  return buffer
}

/** Handlers that hand their streams to the test; they end when the test says so. */
function handed(): { handlers: HandlerTable; stream: Promise<MuxStream>; finish: () => void; fail: (error: unknown) => void } {
  let give!: (stream: MuxStream) => void
  let finish!: () => void
  let fail!: (error: unknown) => void
  const stream = new Promise<MuxStream>(resolve => {
    give = resolve
  })
  const over = new Promise<void>((resolve, reject) => {
    finish = resolve
    fail = reject
  })
  const handlers = new HandlerTable()
  handlers.answer(echo, head => head)
  handlers.rawStream(upload, async (_head, taken) => {
    give(taken)
    await over
    return { bytes: 0 }
  })
  handlers.rawStream(download, async (_head, taken) => {
    give(taken)
    await over
    return {}
  })
  return { handlers, stream, finish, fail }
}

describe('a stream', () => {
  test('brings every byte in order, both ways, many at a time, whatever the cuts', async () => {
    const handlers = new HandlerTable()
    const received = new Map<string, Buffer>()
    handlers.stream(upload, async ({ text }, stream) => {
      const all = await readAll(stream)
      received.set(text, all)
      return { bytes: all.length }
    })
    handlers.stream(download, async ({ text }, stream) => {
      const size = Number(text)
      await stream.write(pattern(size, size))
      return {}
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: 0, max: 300_000 }), { maxLength: 4 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 200, max: 80_000 }),
        fc.boolean(),
        async (streams, cut, landing) => {
          received.clear()
          const options = { cut: () => cut, landing }
          const { client } = await connect(handlers, { clientTransport: options, serverTransport: options })
          await Promise.all(
            streams.map(async (pieces, index) => {
              const up = client.open(upload, { text: String(index) })
              const sent = pieces.map((size, at) => pattern(size, at))
              await Promise.all(
                sent.map(async piece => {
                  const bytes = Buffer.from(piece)
                  await up.write(bytes)
                  // The memory is ours again.
                  bytes.fill(0xdd)
                }),
              )
              const all = Buffer.concat(sent)
              expect(await up.end()).toEqual({ bytes: all.length })
              expect(received.get(String(index))!.equals(all)).toBe(true)
              const down = client.open(download, { text: String(all.length) })
              expect((await readAll(down)).equals(pattern(all.length, all.length))).toBe(true)
            }),
          )
          expect(client.load).toBe(0)
        },
      ),
      { numRuns: 25 },
    )
  })

  test('that is not there is told so as an error, and an unknown operation ends the connection', async () => {
    const { peer } = rawSetup({ handlers: new HandlerTable() })
    peer.hello()
    peer.send('open', { operation: upload.code, id: 1, head: { text: '' } })
    expect(JSON.parse((await peer.frame('error')).head.toString())).toMatchObject({ code: 'PROTOCOL_ERROR' })
    await peer.whenGone()
  })

  test.each<[string, number[]]>([
    ['zero', [0]],
    ['of the accepting side', [2]],
    ['of another that is open', [1, 1]],
  ])('with an id %s is a PROTOCOL_ERROR', async (_what, ids) => {
    const { peer } = rawSetup({ handlers: handed().handlers })
    peer.hello()
    for (const id of ids) peer.send('open', { operation: upload.code, id, head: { text: '' } })
    await peer.frame('error')
    await peer.whenGone()
  })

  test('beyond the limit of 4,096 is BUSY, and those below it go on', async () => {
    const { handlers } = handed()
    const { client } = await connect(handlers)
    const streams = Array.from({ length: 4_097 }, () => client.open(download, { text: '' }))
    await expect(streams[4_096]!.read()).rejects.toMatchObject({ code: 'BUSY', message: expect.stringContaining('4096') })
    expect(client.load).toBe(4_096)
    client.close()
  })

  test('whose head makes no sense is reset with INVALID_ARGUMENT', async () => {
    const { client } = await connect(handed().handlers)
    await expect(client.open(upload, { text: 5 } as never).end()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  test('has one end, however often it is asked for', async () => {
    const { handlers, finish } = handed()
    const { client } = await connect(handlers)
    const stream = client.open(upload, { text: '' })
    const ends = [stream.end(), stream.end()]
    finish()
    expect(await Promise.all(ends)).toEqual([{ bytes: 0 }, { bytes: 0 }])
    await expect(stream.end()).resolves.toEqual({ bytes: 0 })
    await expect(stream.write(Buffer.alloc(1))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})

describe('credit', () => {
  test('starts with 64 KiB: not a byte more is sent until there is more', async () => {
    const { peer, connection } = rawSetup({ side: 'dialled' })
    peer.hello()
    const stream = connection.open(upload, { text: '' })
    const left = stream.write(Buffer.alloc(200 * KIB))
    await rest()
    const sent = (): number => peer.all('data').reduce((sum, { body }) => sum + body.length, 0)
    expect(sent()).toBe(64 * KIB)
    peer.credit(stream.id, 64 * KIB + 1)
    await peer.until(() => sent() === 64 * KIB + 1)
    // A lower limit takes nothing back.
    peer.credit(stream.id, 10)
    await rest()
    expect(sent()).toBe(64 * KIB + 1)
    peer.credit(stream.id, 300 * KIB)
    await left
    await peer.until(() => sent() === 200 * KIB)
    connection.close()
  })

  test('that is not kept by the other side is a PROTOCOL_ERROR, before memory is taken', async () => {
    const { handlers, stream } = handed()
    const { peer, connection } = rawSetup({ handlers })
    peer.hello()
    peer.send('open', { operation: upload.code, id: 1, head: { text: '' } })
    const asked: number[] = []
    ;(await stream).receive({
      place(bytes) {
        asked.push(bytes)
        return undefined
      },
      data: () => undefined,
      end: () => expect.unreachable(),
      failed: () => undefined,
    })
    peer.send('data', { id: 1, body: Buffer.alloc(64 * KIB) })
    peer.send('data', { id: 1, body: Buffer.alloc(1) })
    expect(JSON.parse((await peer.frame('error')).head.toString())).toMatchObject({
      code: 'PROTOCOL_ERROR',
      message: expect.stringContaining('more than its credit'),
    })
    await peer.whenGone()
    expect(connection.closed).toBe(true)
    expect(asked).toEqual([64 * KIB])
  })

  test('comes only for what is consumed', async () => {
    const { handlers, stream } = handed()
    const { peer } = rawSetup({ handlers })
    peer.hello()
    peer.send('open', { operation: upload.code, id: 1, head: { text: '' } })
    peer.send('data', { id: 1, body: Buffer.alloc(64 * KIB) })
    await rest()
    expect(peer.all('credit')).toEqual([])
    await (await stream).read()
    const { head } = await peer.frame('credit')
    expect(head.readDoubleLE(8)).toBe(64 * KIB)
    expect(head.readDoubleLE(0)).toBeGreaterThanOrEqual(128 * KIB)
  })

  test('a writer to a side that does not read has at most its credit there', async () => {
    const { handlers, stream, finish } = handed()
    const { client, server } = await connect(handlers)
    const writer = client.open(upload, { text: '' })
    let left = 0
    const writes = Array.from({ length: 64 }, () => writer.write(Buffer.alloc(32 * KIB)).then(() => left++))
    await rest()
    expect(left).toBe(2)
    const reader = await stream
    expect(server.load).toBe(1)
    for (let bytes = 0; bytes < 2 << 20; ) bytes += (await reader.read())!.length
    await Promise.all(writes)
    finish()
    await writer.end()
  })

  test('names where the taking has got to, for writers that wait for it', async () => {
    const { handlers, stream, finish } = handed()
    const { client } = await connect(handlers)
    const writer = client.open(upload, { text: '' })
    const reader = await stream
    reader.acknowledgeAll()
    await writer.writeTaken(Buffer.alloc(10))
    const both = Promise.all([writer.writeTaken(Buffer.alloc(20)), writer.writeTaken(new Uint8Array())])
    await both
    expect((await reader.read())!.length).toBe(10)
    finish()
    await writer.end()
  })
})

describe('a window', () => {
  const budget = (): WindowBudget => new WindowBudget(CONNECTION_WINDOW_BYTES, new WindowBudget(512 << 20))

  test('never promises more than 4 MiB beyond what is consumed, and keeps its sentence whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 3 << 20 })), { maxLength: 200 }), steps => {
        const window = new ReceiveWindow(budget())
        let received = 0
        let consumed = 0
        let told = window.limit
        for (const [takes, bytes] of steps) {
          if (takes) {
            const fitting = Math.min(bytes, told - received)
            expect(window.fits(fitting)).toBe(true)
            window.receive(fitting)
            received += fitting
          } else {
            const eaten = Math.min(bytes, received - consumed)
            consumed += eaten
            if (window.consume(eaten)) told = window.limit
          }
          expect(window.limit).toBe(told)
          expect(window.fits(told - received + 1)).toBe(false)
          expect(told - consumed).toBeLessThanOrEqual(MAX_WINDOW_BYTES)
          expect(received).toBeLessThanOrEqual(told)
          // Nobody waits for ever: when all is consumed, there is credit.
          if (consumed === received) expect(told).toBeGreaterThan(received)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('stays at 64 KiB as long as nothing is consumed, and grows to 4 MiB while everything is', () => {
    const window = new ReceiveWindow(budget())
    window.receive(64 * KIB)
    expect(window.limit).toBe(64 * KIB)
    let consumed = 0
    for (let i = 0; i < 400; i++) {
      window.consume(64 * KIB)
      consumed += 64 * KIB
      window.receive(64 * KIB)
    }
    expect(window.limit - consumed).toBeGreaterThan(MAX_WINDOW_BYTES * 0.74)
    expect(window.limit - consumed).toBeLessThanOrEqual(MAX_WINDOW_BYTES)
  })

  test('grows within the budgets of its connection and its process only, which get all of it back', () => {
    const total = 1 << 20
    const process = new WindowBudget(total)
    const connections = [
      new WindowBudget(512 * KIB, process),
      new WindowBudget(512 * KIB, process),
      new WindowBudget(total, process),
    ]
    const windows = connections.flatMap(one => [new ReceiveWindow(one), new ReceiveWindow(one)])
    const promised = windows.map(() => 0)
    for (let round = 0; round < 200; round++) {
      for (const [index, window] of windows.entries()) {
        window.receive(64 * KIB)
        window.consume(64 * KIB)
        promised[index] = window.limit - (round + 1) * 64 * KIB
      }
    }
    expect(promised.slice(0, 2).reduce((a, b) => a + b)).toBeLessThanOrEqual(512 * KIB)
    expect(promised.reduce((a, b) => a + b)).toBeLessThanOrEqual(total)
    for (const window of windows) {
      window.release()
      window.release()
    }
    expect(process.take(total)).toBe(true)
    expect(process.take(1)).toBe(false)
  })

  test('that has been released grows no more and promises nothing', () => {
    const one = budget()
    const window = new ReceiveWindow(one)
    window.receive(64 * KIB)
    window.release()
    expect(window.consume(64 * KIB)).toBe(false)
    expect(one.take(CONNECTION_WINDOW_BYTES)).toBe(true)
  })

  test('of every stream is given back when the stream is over, however it ended', async () => {
    const { handlers, finish } = handed()
    const { client, server } = await connect(handlers)
    const ended = client.open(upload, { text: '' })
    finish()
    await ended.end()
    const reset = client.open(upload, { text: '' })
    reset.reset(new GliderError('CANCELLED', 'no more'))
    client.open(upload, { text: '' })
    await rest()
    client.close()
    await rest()
    for (const { budget: left } of [client, server]) expect(left.take(CONNECTION_WINDOW_BYTES)).toBe(true)
  })
})

describe('end is not abort', () => {
  test.each<[string, (client: MuxStream, setup: Awaited<ReturnType<typeof connect>>) => void, string]>([
    ['a reset', client => client.reset(new GliderError('CANCELLED', 'changed my mind')), 'CANCELLED'],
    ['a broken connection', (_client, { clientTransport }) => clientTransport.sever(), 'UNAVAILABLE'],
    ['a closed connection', (_client, { client }) => client.close(), 'UNAVAILABLE'],
  ])('%s is an error to the reader, who never sees an end', async (_what, abort, code) => {
    const { handlers, stream } = handed()
    const setup = await connect(handlers)
    const writer = setup.client.open(upload, { text: '' })
    await writer.write(Buffer.from('half of it'))
    const reader = await stream
    expect((await reader.read())!.toString()).toBe('half of it')
    const next = reader.read()
    next.catch(() => undefined)
    await rest()
    abort(writer, setup)
    await expect(next).rejects.toMatchObject({ code })
    await expect(reader.read()).rejects.toMatchObject({ code })
    expect(reader.signal.aborted).toBe(true)
    await expect(reader.write(Buffer.alloc(1))).rejects.toMatchObject({ code })
    await expect(writer.end()).rejects.toMatchObject({ code })
    await expect(writer.write(Buffer.alloc(1))).rejects.toMatchObject({ code })
  })

  test('bytes that had come before a failure are read before it', async () => {
    const { handlers, stream, fail } = handed()
    const { client } = await connect(handlers)
    const reader = client.open(download, { text: '' })
    const written = [pattern(10, 1), pattern(40 * KIB, 2)]
    const writer = await stream
    for (const bytes of written) await writer.write(bytes)
    fail(new GliderError('ACTION_FAILED', 'thrown by the action'))
    await rest()
    expect((await reader.read())!.equals(written[0]!)).toBe(true)
    expect((await reader.read())!.equals(written[1]!)).toBe(true)
    await expect(reader.read()).rejects.toMatchObject({ code: 'ACTION_FAILED', message: 'thrown by the action' })
  })

  test('bytes that a handler wrote before it threw all leave before the error, also beyond the credit of that moment', async () => {
    const handlers = new HandlerTable()
    const bytes = pattern(300 * KIB, 3)
    handlers.stream(download, async (_head, stream) => {
      void stream.write(bytes).catch(() => undefined)
      throw new GliderError('ACTION_FAILED', 'thrown')
    })
    const { client } = await connect(handlers)
    const reader = client.open(download, { text: '' })
    const chunks: Buffer[] = []
    const failure = await (async () => {
      for (let chunk = await reader.read(); chunk; chunk = await reader.read()) chunks.push(chunk)
      return undefined
    })().catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'ACTION_FAILED' })
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true)
    expect(client.load).toBe(0)
  })

  test('an error with a very long message and stack fits into a frame', async () => {
    const { handlers, fail } = handed()
    const { client } = await connect(handlers)
    const stream = client.open(upload, { text: '' })
    const error = new GliderError('ACTION_FAILED', '\u0001'.repeat(200_000))
    error.stack = '\u0002'.repeat(200_000)
    fail(error)
    await expect(stream.end()).rejects.toMatchObject({
      code: 'ACTION_FAILED',
      message: expect.stringContaining('\u0001'.repeat(1_000)),
    })
    expect((await client.request(echo, { text: 'on' })).head.text).toBe('on')
  })

  test.each<[string, (peer: ReturnType<typeof rawSetup>['peer']) => void]>([
    ['bytes after the end', peer => peer.send('data', { id: 1, body: Buffer.alloc(1) })],
    ['a second end', peer => peer.send('end', { id: 1 })],
  ])('%s is a PROTOCOL_ERROR', async (_what, misbehave) => {
    const { handlers, stream } = handed()
    const { peer } = rawSetup({ handlers })
    peer.hello()
    peer.send('open', { operation: upload.code, id: 1, head: { text: '' } })
    peer.send('end', { id: 1 })
    expect(await (await stream).read()).toBeUndefined()
    misbehave(peer)
    await peer.frame('error')
    await peer.whenGone()
  })

  test('an answer that makes no sense fails its stream alone', async () => {
    const { peer, connection } = rawSetup({ side: 'dialled' })
    peer.hello()
    const stream = connection.open(upload, { text: '' })
    peer.send('end', { id: stream.id, head: { bytes: 'many' } })
    await expect(stream.end()).rejects.toMatchObject({ code: 'PROTOCOL_ERROR', message: expect.stringContaining('upload') })
    expect(connection.closed).toBe(false)
  })
})

describe('an early answer', () => {
  test('lets the writer finish: what it still writes is discarded', async () => {
    const handlers = new HandlerTable()
    handlers.stream(upload, async () => ({ bytes: 7 }))
    const { client } = await connect(handlers)
    const stream = client.open(upload, { text: '' })
    const waiting = stream.write(Buffer.alloc(1 << 20))
    await waiting
    await stream.write(Buffer.alloc(1 << 20))
    await stream.writeTaken(Buffer.alloc(10))
    expect(await stream.end()).toEqual({ bytes: 7 })
    await expect(stream.write(Buffer.alloc(1))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})

describe('memory of a sink', () => {
  function setup(): ReturnType<typeof rawSetup> & { sink: StreamSink & { events: string[] }; memory: Buffer; stream: MuxStream } {
    const base = rawSetup({ side: 'dialled' })
    base.peer.hello()
    const memory = Buffer.alloc(60 * KIB)
    const events: string[] = []
    const stream = base.connection.open(download, { text: '' }) as MuxStream
    const sink = {
      events,
      place: (bytes: number) => memory.subarray(0, bytes),
      data: (body: Buffer, placed: boolean) => void events.push(`data ${body.length} ${placed}`),
      end: () => void events.push('end'),
      failed: (error: GliderError) => void events.push(`failed ${error.code}`),
    }
    stream.receive(sink)
    return { ...base, sink, memory, stream }
  }

  test('is given back only when the frame is whole, where this side resets meanwhile', async () => {
    const { peer, connection, sink, stream } = setup()
    const frame = encodeFrame(frameKind.data, 0, stream.id, Buffer.alloc(0), Buffer.alloc(60 * KIB, 1))
    peer.sendBytes(frame.subarray(0, 30 * KIB))
    await rest()
    stream.reset(new GliderError('CANCELLED', 'enough'))
    await peer.frame('reset')
    expect(sink.events).toEqual([])
    peer.sendBytes(frame.subarray(30 * KIB))
    await rest()
    expect(sink.events).toEqual(['failed CANCELLED'])
    connection.close()
    expect(sink.events).toEqual(['failed CANCELLED'])
  })

  test('is given back when the connection closes, also where the stream was reset before', async () => {
    const { peer, connection, sink, memory, stream } = setup()
    const frame = encodeFrame(frameKind.data, 0, stream.id, Buffer.alloc(0), Buffer.alloc(60 * KIB, 1))
    peer.sendBytes(frame.subarray(0, 30 * KIB))
    await rest()
    stream.reset(new GliderError('CANCELLED', 'enough'))
    connection.close()
    expect(sink.events).toEqual(['failed CANCELLED'])
    memory.fill(7)
    peer.sendBytes(frame.subarray(30 * KIB))
    await rest()
    expect(memory.every(byte => byte === 7)).toBe(true)
  })

  test('fails once where the connection closes in the middle of a frame', async () => {
    const { peer, connection, sink, stream } = setup()
    const frame = encodeFrame(frameKind.data, 0, stream.id, Buffer.alloc(0), Buffer.alloc(60 * KIB, 1))
    peer.sendBytes(frame.subarray(0, 30 * KIB))
    await rest()
    connection.close()
    expect(sink.events).toEqual(['failed UNAVAILABLE'])
  })
})

test('memory of a write whose last piece is small is given back only when all its pieces have left', async () => {
  const { peer, connection, transport } = rawSetup({ side: 'dialled' })
  peer.hello()
  const stream = connection.open(upload, { text: '' })
  peer.credit(stream.id, 1 << 20)
  await rest()
  transport.hold()
  const bytes = Buffer.alloc(256 * KIB + 100, 1)
  let left = false
  const write = stream.write(bytes).then(() => {
    left = true
    bytes.fill(2)
  })
  await rest()
  expect(left).toBe(false)
  transport.release()
  await write
  await peer.frame('data', 2)
  for (const { body } of peer.all('data')) expect(body.every(byte => byte === 1)).toBe(true)
  connection.close()
})

test('memory of a write that fails half-way is given back only when the transport is done with it', async () => {
  const { peer, connection, transport } = rawSetup({ side: 'dialled' })
  peer.hello()
  const stream = connection.open(upload, { text: '' })
  await rest()
  transport.hold()
  const bytes = Buffer.alloc(200 * KIB, 1)
  let failed = false
  const unsent = stream.write(Buffer.alloc(10)).catch((error: unknown) => error)
  const write = stream.write(bytes).catch(() => {
    failed = true
    bytes.fill(2)
  })
  await rest()
  stream.reset(new GliderError('CANCELLED', 'no more'))
  await rest()
  expect(failed).toBe(false)
  transport.release()
  await Promise.all([write, unsent])
  await peer.frame('reset')
  const sent = Buffer.concat(peer.all('data').map(({ body }) => body)).subarray(10)
  expect(sent.length).toBeGreaterThan(0)
  expect(sent.every(byte => byte === 1)).toBe(true)
})

test('writes that wait together leave in frames of 256 KiB, and their memory is free when all of it has left', async () => {
  const sizes = fc.oneof(
    fc.integer({ min: 1, max: 100 }),
    fc.integer({ min: 1, max: 40_000 }),
    fc.integer({ min: 1, max: 700_000 }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(sizes, { minLength: 1, maxLength: 30 }), async lengths => {
      const { peer, connection, transport } = rawSetup({ side: 'dialled' })
      peer.hello()
      const stream = connection.open(upload, { text: '' })
      peer.credit(stream.id, 1 << 30)
      await rest()
      transport.hold()
      const all = Buffer.concat(lengths.map((length, index) => pattern(length, index)))
      const writes = lengths.map(async (length, index) => {
        const bytes = pattern(length, index)
        await stream.write(bytes)
        bytes.fill(0)
      })
      await rest()
      transport.release()
      await Promise.all(writes)
      const frames = Math.ceil(all.length / (256 * KIB))
      await peer.until(() => peer.all('data').length === frames)
      expect(Buffer.concat(peer.all('data').map(({ body }) => body)).equals(all)).toBe(true)
      connection.close()
    }),
    { numRuns: 50 },
  )
})

test('what the accepting side writes leaves in a frame of its own each, as the reader may have a buffer for it', async () => {
  const { handlers, stream, finish } = handed()
  const { peer } = rawSetup({ handlers })
  peer.hello()
  peer.send('open', { operation: download.code, id: 1, head: { text: '' } })
  const writer = await stream
  for (const length of [1_000, 20_000, 3])
    writer.send(
      Buffer.alloc(length),
      () => undefined,
      () => expect.unreachable(),
    )
  await rest()
  expect(peer.all('data').map(({ body }) => body.length)).toEqual([1_000, 20_000, 3])
  finish()
})
