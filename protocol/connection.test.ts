import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { GliderError } from './errors.ts'
import { encodeFrame, frameKind, MAX_BODY_BYTES } from './frame.ts'
import { HandlerTable, type RawReceiver } from './handlers.ts'
import { connect, rawSetup } from './testing/connections.ts'
import { testOperations } from './testing/operations.ts'
import { helloHead } from './testing/raw-peer.ts'

const { echo, body, upload, download, raw } = testOperations

/** All that is under way within the process has come to rest. */
function rest(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}

interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/** Answers `echo` when told to, by text. */
function slowEcho(): { handlers: HandlerTable; asked: Map<string, Deferred<{ text: string }> & { signal: AbortSignal }> } {
  const asked = new Map<string, Deferred<{ text: string }> & { signal: AbortSignal }>()
  const handlers = new HandlerTable()
  handlers.answer(echo, ({ text }, { signal }) => {
    const answer = { ...deferred<{ text: string }>(), signal }
    asked.set(text, answer)
    return answer.promise
  })
  return { handlers, asked }
}

function plainEcho(): HandlerTable {
  const handlers = new HandlerTable()
  handlers.answer(echo, head => head)
  handlers.answerBytes(body, async (_head, bytes) => ({ head: {}, body: Buffer.from(bytes) }))
  return handlers
}

/** An answer with more bytes than a frame may have. */
const overlong = { head: { text: '' }, body: Buffer.alloc(MAX_BODY_BYTES + 1) }

describe('a dismissal', () => {
  test('waits until whoever has said hello has read why, and for nobody else', async () => {
    const { server, serverTransport } = await connect(plainEcho())
    const closing = vi.spyOn(serverTransport, 'close')
    server.dismiss(new GliderError('UNAUTHENTICATED', 'no longer'))
    expect(closing).toHaveBeenCalledWith(true)
    const stranger = rawSetup()
    const refusing = vi.spyOn(stranger.transport, 'close')
    stranger.connection.dismiss(new GliderError('UNAUTHENTICATED', 'never'))
    expect(refusing).toHaveBeenCalledWith(false)
  })
})

describe('the greeting', () => {
  test('tells both sides who the other is', async () => {
    const { client, server } = await connect(plainEcho())
    expect(client.peer).toMatchObject({ role: 'metadata', clientId: 'server', version: { major: 1, minor: 0 } })
    expect(server.peer).toMatchObject({ role: 'client', clientId: 'client' })
  })

  test('is the first frame of each side', async () => {
    const { peer } = rawSetup()
    const hello = await peer.frame('hello')
    expect(peer.frames[0]).toBe(hello)
    expect(JSON.parse(hello.head.toString())).toEqual({
      version: { major: 1, minor: 0 },
      role: 'metadata',
      clientId: 'core',
      limits: { headBytes: 65_536, bodyBytes: 1_048_576 },
    })
  })

  test.each<[string, (peer: ReturnType<typeof rawSetup>['peer']) => void, string]>([
    ['a request before hello', peer => peer.send('request', { operation: echo.code, id: 1, head: { text: '' } }), 'not hello'],
    ['a ping before hello', peer => peer.send('ping'), 'not hello'],
    [
      'another major version',
      peer => peer.send('hello', { head: { ...helloHead, version: { major: 2, minor: 0 } } }),
      'version 2',
    ],
    ['a hello that is no JSON', peer => peer.send('hello', { head: Buffer.from('{') }), 'cannot be read'],
    ['a hello without a role', peer => peer.send('hello', { head: { ...helloHead, role: 'king' } }), 'cannot be read'],
    [
      'a second hello',
      peer => {
        peer.hello()
        peer.hello()
      },
      'second hello',
    ],
  ])('%s is a PROTOCOL_ERROR, told to the other side, and the end', async (_what, misbehave, why) => {
    const { peer, connection } = rawSetup({ handlers: plainEcho() })
    misbehave(peer)
    const error = await peer.frame('error')
    expect(error.id).toBe(0)
    expect(JSON.parse(error.head.toString())).toMatchObject({ code: 'PROTOCOL_ERROR', message: expect.stringContaining(why) })
    await peer.whenGone()
    expect(connection.closed).toBe(true)
  })

  test('refuses a body before hello from its header alone', async () => {
    const { peer } = rawSetup({ handlers: plainEcho() })
    const frame = encodeFrame(frameKind.request, body.code, 1, Buffer.alloc(0), Buffer.alloc(MAX_BODY_BYTES))
    peer.sendBytes(frame.subarray(0, 20))
    await peer.whenGone()
    expect(peer.all('error')).toHaveLength(1)
  })

  test('that does not come within 10 s is given up', async () => {
    const { peer, clock, started } = rawSetup()
    await peer.frame('hello')
    clock.advance(9_999)
    await rest()
    expect(peer.closed).toBe(false)
    clock.advance(1)
    await peer.whenGone()
    await expect(started).rejects.toMatchObject({ code: 'PROTOCOL_ERROR', message: expect.stringContaining('10 s') })
  })

  test('of a newer minor version is welcome', async () => {
    const { peer, started } = rawSetup()
    peer.send('hello', { head: { ...helloHead, version: { major: 1, minor: 9 }, more: 'fields' } })
    await started
  })

  test('is refused with the reason of whoever admits', async () => {
    const { peer, started } = rawSetup({
      admit: ({ token }) => {
        if (token !== 'secret') throw new GliderError('UNAUTHENTICATED', 'no token')
      },
    })
    peer.hello()
    expect(JSON.parse((await peer.frame('error')).head.toString())).toEqual({ code: 'UNAUTHENTICATED', message: 'no token' })
    await peer.whenGone()
    await expect(started).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  test('of a connection that was closed before it started fails at once', async () => {
    const { connection } = rawSetup()
    connection.close()
    await expect(connection.start()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})

describe('requests', () => {
  test('are answered in any order', async () => {
    const { handlers, asked } = slowEcho()
    const { client } = await connect(handlers)
    const settled: string[] = []
    const answers = ['a', 'b', 'c'].map(async text => {
      settled.push((await client.request(echo, { text })).head.text)
    })
    await rest()
    for (const text of ['c', 'a', 'b']) {
      asked.get(text)!.resolve({ text })
      await rest()
    }
    await Promise.all(answers)
    expect(settled).toEqual(['c', 'a', 'b'])
    expect(client.load).toBe(0)
  })

  test('go both ways over one connection', async () => {
    const { client, server } = await connect(plainEcho(), { client: { handlers: plainEcho() } })
    const [there, back] = await Promise.all([client.request(echo, { text: 'there' }), server.request(echo, { text: 'and back' })])
    expect([there.head.text, back.head.text]).toEqual(['there', 'and back'])
  })

  test('carry bytes of any length up to 1 MiB both ways, whatever the cuts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.integer({ min: 0, max: 20_000 }), fc.constantFrom(8192, 8193, MAX_BODY_BYTES)), {
          minLength: 1,
          maxLength: 6,
        }),
        fc.integer({ min: 500, max: 100_000 }),
        fc.boolean(),
        async (sizes, cut, landing) => {
          const options = { cut: () => cut, landing }
          const { client } = await connect(plainEcho(), { clientTransport: options, serverTransport: options })
          await Promise.all(
            sizes.map(async (size, index) => {
              const bytes = Buffer.alloc(size, index + 1)
              const answer = await client.request(body, { text: '' }, { body: bytes })
              expect(answer.body.equals(bytes)).toBe(true)
            }),
          )
        },
      ),
      { numRuns: 20 },
    )
  })

  test('that are refused fail with the error of the handler, rebuilt', async () => {
    const handlers = new HandlerTable()
    handlers.answer(echo, () => {
      throw new GliderError('NO_SPACE', 'full', { outcome: 'unknown' })
    })
    const { client } = await connect(handlers)
    const failure = await client.request(echo, { text: '' }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(GliderError)
    expect(failure).toMatchObject({ code: 'NO_SPACE', message: 'full', outcome: 'unknown', retryable: true })
  })

  test('with a head that makes no sense are INVALID_ARGUMENT, and the connection goes on', async () => {
    const { client } = await connect(plainEcho())
    await expect(client.request(echo, { text: 1 } as never)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('echo: text'),
    })
    expect((await client.request(echo, { text: 'on' })).head.text).toBe('on')
  })

  test('too large for a frame are INVALID_ARGUMENT and leave nothing on the wire', async () => {
    const { client } = await connect(plainEcho())
    await expect(client.request(echo, { text: 'x'.repeat(70_000) })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(client.request(body, { text: '' }, { body: Buffer.alloc(MAX_BODY_BYTES + 1) })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
    expect((await client.request(echo, { text: 'on' })).head.text).toBe('on')
  })

  test.each<[string, (handlers: HandlerTable) => void]>([
    ['has a head over 64 KiB', handlers => handlers.answer(echo, () => ({ text: 'x'.repeat(70_000) }))],
    ['has a late head over 64 KiB', handlers => handlers.answer(echo, async () => ({ text: 'x'.repeat(70_000) }))],
    ['has a body over 1 MiB', handlers => handlers.answerBytes(echo, () => overlong)],
    ['has a late body over 1 MiB', handlers => handlers.answerBytes(echo, async () => overlong)],
    ['cannot be written as JSON', handlers => handlers.answer(echo, async () => ({ text: 1n }) as never)],
    ['is not there', handlers => handlers.answer(echo, async () => undefined as never)],
  ])('whose answer %s fail alone', async (_what, bind) => {
    const handlers = new HandlerTable()
    bind(handlers)
    handlers.answerBytes(body, async (_head, bytes) => ({ head: {}, body: bytes }))
    const { client } = await connect(handlers)
    await expect(client.request(echo, { text: '' })).rejects.toMatchObject({ code: 'INTERNAL' })
    expect((await client.request(body, { text: '' }, { body: Buffer.from('on') })).body.toString()).toBe('on')
  })

  test('fail with TIMEOUT when their time is up, and the other side hears of it', async () => {
    const { handlers, asked } = slowEcho()
    const { client, clock } = await connect(handlers)
    const failure = client.request(echo, { text: 'a' }, { timeoutMs: 1_000 }).catch((error: unknown) => error)
    await rest()
    clock.advance(900)
    await rest()
    expect(asked.get('a')!.signal.aborted).toBe(false)
    clock.advance(200)
    expect(await failure).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown', message: expect.stringContaining('echo') })
    await rest()
    expect(asked.get('a')!.signal.aborted).toBe(true)
    expect(client.load).toBe(0)
    // A late answer is nobody's.
    asked.get('a')!.resolve({ text: 'late' })
    await rest()
    expect(client.closed).toBe(false)
  })

  test('leave no timer behind once all are answered', async () => {
    const { client, clock } = await connect(plainEcho())
    const idle = clock.pending
    await client.request(echo, { text: '' }, { timeoutMs: 500 })
    await client.request(echo, { text: '' }, { timeoutMs: Number.POSITIVE_INFINITY })
    clock.advance(100)
    expect(clock.pending).toBe(idle)
  })

  test('of an aborted signal are CANCELLED, before and after they were sent', async () => {
    const { handlers, asked } = slowEcho()
    const { client } = await connect(handlers)
    await expect(client.request(echo, { text: 'never' }, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'CANCELLED',
    })
    const controller = new AbortController()
    const failure = client.request(echo, { text: 'sent' }, { signal: controller.signal }).catch((error: unknown) => error)
    await rest()
    expect([...asked.keys()]).toEqual(['sent'])
    const why = new Error('my reason')
    controller.abort(why)
    expect(await failure).toMatchObject({ code: 'CANCELLED', cause: why })
    await rest()
    expect(asked.get('sent')!.signal.aborted).toBe(true)
  })

  test('fail when the connection breaks, with an outcome that is not known', async () => {
    const { handlers, asked } = slowEcho()
    const { client, clientTransport } = await connect(handlers)
    const failure = client.request(echo, { text: 'a' }).catch((error: unknown) => error)
    await rest()
    clientTransport.sever(new Error('cable cut'))
    expect(await failure).toMatchObject({
      code: 'UNAVAILABLE',
      outcome: 'unknown',
      message: expect.stringContaining('cable cut'),
    })
    expect(asked.get('a')!.signal.aborted).toBe(true)
    await expect(client.request(echo, { text: 'b' })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('without bytes go before 64 MiB of others that were asked first, but for what the transport has', async () => {
    const { peer, connection, transport } = rawSetup({ side: 'dialled' })
    peer.hello()
    await rest()
    transport.hold()
    const bytes = Buffer.alloc(MAX_BODY_BYTES)
    for (let i = 0; i < 64; i++) connection.request(body, { text: '' }, { body: bytes }).catch(() => undefined)
    await rest()
    connection.request(echo, { text: 'quick' }).catch(() => undefined)
    await rest()
    transport.release()
    await peer.frame('request', 65)
    const operations = peer.all('request').map(({ operation }) => operation)
    expect(operations.indexOf(echo.code)).toBeLessThanOrEqual(2)
    connection.close()
  })

  test('never share an id, also after the ids have wrapped around', async () => {
    const { peer, connection } = rawSetup({ side: 'dialled', lastId: 8 })
    peer.hello()
    const answers: Promise<{ head: { text: string } }>[] = []
    const ask = async (text: string): Promise<number> => {
      answers.push(connection.request(echo, { text }))
      return (await peer.frame('request', answers.length)).id
    }
    const answer = async (id: number, text: string): Promise<void> => {
      peer.send('response', { id, head: { text } })
      await rest()
    }
    expect([await ask('a'), await ask('b'), await ask('c')]).toEqual([1, 3, 5])
    expect(connection.open(download, { text: '' }).id).toBe(7)
    await answer(3, 'b')
    await answer(5, 'c')
    expect([await ask('d'), await ask('e')]).toEqual([3, 5])
    await answer(1, 'a')
    await answer(5, 'e')
    expect([await ask('f'), await ask('g')]).toEqual([1, 5])
    for (const [id, text] of [
      [3, 'd'],
      [1, 'f'],
      [5, 'g'],
    ] as const)
      await answer(id, text)
    expect((await Promise.all(answers)).map(({ head }) => head.text).join('')).toBe('abcdefg')
    connection.close()
  })

  test('for an unknown operation are told so, and end the connection', async () => {
    const { peer, connection } = rawSetup({ handlers: plainEcho() })
    peer.hello()
    peer.send('request', { operation: 999, id: 1 })
    expect(JSON.parse((await peer.frame('error')).head.toString())).toMatchObject({
      code: 'PROTOCOL_ERROR',
      message: expect.stringContaining('unknown operation 999'),
    })
    await peer.whenGone()
    expect(connection.closed).toBe(true)
  })

  test.each<[string, number[]]>([
    ['zero', [0]],
    ['of the other side', [2]],
    ['of one that is under way', [1, 1]],
  ])('with an id %s are a PROTOCOL_ERROR', async (_what, ids) => {
    const { handlers } = slowEcho()
    const { peer } = rawSetup({ handlers })
    peer.hello()
    for (const id of ids) peer.send('request', { operation: echo.code, id, head: { text: '' } })
    expect(JSON.parse((await peer.frame('error')).head.toString())).toMatchObject({ code: 'PROTOCOL_ERROR' })
    await peer.whenGone()
  })
})

describe('memory that is lent for an answer', () => {
  test('is given back only when it is received whole, where the asker cancels meanwhile', async () => {
    const { peer, connection, transport } = rawSetup({ side: 'dialled' })
    peer.hello()
    const memory = Buffer.alloc(100_000)
    let failure: GliderError | undefined
    const id = connection.requestRaw(body, Buffer.from('{}'), undefined, {
      place: () => memory,
      answered: () => expect.unreachable(),
      failed(error) {
        failure = error
      },
    })
    await peer.frame('request')
    const frame = encodeFrame(frameKind.response, 0, id, Buffer.alloc(0), Buffer.alloc(100_000, 1))
    peer.sendBytes(frame.subarray(0, 50_000))
    await rest()
    expect(connection.landing()?.buffer).toBe(memory.buffer)
    connection.cancel(id, undefined)
    await rest()
    expect(failure).toBeUndefined()
    peer.sendBytes(frame.subarray(50_000))
    await rest()
    expect(failure).toMatchObject({ code: 'CANCELLED' })
    expect(connection.landing()).toBeUndefined()
    expect(transport.closed).toBe(false)
  })

  test('is given back at once when the connection closes, and not written any more', async () => {
    const { peer, connection } = rawSetup({ side: 'dialled' })
    peer.hello()
    const memory = Buffer.alloc(100_000)
    let failure: GliderError | undefined
    const id = connection.requestRaw(body, Buffer.from('{}'), undefined, {
      place: () => memory,
      answered: () => expect.unreachable(),
      failed(error) {
        failure = error
        memory.fill(7)
      },
    })
    await peer.frame('request')
    const frame = encodeFrame(frameKind.response, 0, id, Buffer.alloc(0), Buffer.alloc(100_000, 1))
    peer.sendBytes(frame.subarray(0, 50_000))
    await rest()
    connection.close()
    expect(failure).toMatchObject({ code: 'UNAVAILABLE' })
    peer.sendBytes(frame.subarray(50_000))
    await rest()
    expect(connection.landing()).toBeUndefined()
    expect(memory.every(byte => byte === 7)).toBe(true)
  })
})

describe('a raw receiver', () => {
  class Receiver implements RawReceiver {
    readonly memory = Buffer.alloc(MAX_BODY_BYTES)
    readonly events: string[] = []
    refuse: GliderError | undefined
    answer: (id: number) => void = () => undefined

    place(_head: Buffer, bodyBytes: number): Uint8Array {
      this.events.push(`place ${bodyBytes}`)
      if (this.refuse) throw this.refuse
      return this.memory.subarray(0, bodyBytes)
    }

    received(_head: Buffer, bytes: Buffer, requestId: number): void {
      this.events.push(`received ${bytes.length}`)
      this.answer(requestId)
    }

    abandoned(): void {
      this.events.push('abandoned')
    }
  }

  function setup(): ReturnType<typeof rawSetup> & { receiver: Receiver } {
    const receiver = new Receiver()
    const handlers = plainEcho()
    handlers.raw(raw, connection => {
      receiver.answer = id => connection.answerRaw(id, Buffer.alloc(0), undefined)
      return receiver
    })
    const setup = rawSetup({ handlers })
    setup.peer.hello()
    return { ...setup, receiver }
  }

  test('has the body land where it says', async () => {
    const { peer, receiver } = setup()
    peer.send('request', { operation: raw.code, id: 1, body: Buffer.alloc(30_000, 5) })
    await peer.frame('response')
    expect(receiver.events).toEqual(['place 30000', 'received 30000'])
    expect(receiver.memory.subarray(0, 30_000).every(byte => byte === 5)).toBe(true)
  })

  test('that refuses has the body dropped and the error answered', async () => {
    const { peer, receiver } = setup()
    receiver.refuse = new GliderError('FORBIDDEN', 'not yours')
    peer.send('request', { operation: raw.code, id: 1, body: Buffer.alloc(30_000, 5) })
    const error = await peer.frame('error')
    expect(error.id).toBe(1)
    expect(JSON.parse(error.head.toString())).toEqual({ code: 'FORBIDDEN', message: 'not yours' })
    expect(receiver.events).toEqual(['place 30000'])
    receiver.refuse = undefined
    peer.send('request', { operation: raw.code, id: 3, body: Buffer.alloc(3) })
    expect((await peer.frame('response')).id).toBe(3)
  })

  test('is told when the connection goes while its body is being received', async () => {
    const { peer, receiver, connection } = setup()
    const frame = encodeFrame(frameKind.request, raw.code, 1, Buffer.alloc(0), Buffer.alloc(30_000))
    peer.sendBytes(frame.subarray(0, 20_000))
    await rest()
    connection.close()
    expect(receiver.events).toEqual(['place 30000', 'abandoned'])
  })
})

describe('liveness', () => {
  test('a ping leaves every 5 s and each ping is answered', async () => {
    const { peer, clock } = rawSetup()
    peer.hello()
    for (let count = 1; count <= 4; count++) {
      clock.advance(5_000)
      await peer.frame('ping', count)
      peer.send('pong')
      await rest()
    }
    clock.advance(4_999)
    await rest()
    expect(peer.all('ping')).toHaveLength(4)
    peer.send('ping')
    await peer.frame('pong')
  })

  test('a side that is silent for 15 s is given up as UNAVAILABLE', async () => {
    const { peer, clock, connection } = rawSetup()
    peer.hello()
    await rest()
    let reason: GliderError | undefined
    connection.onClose(error => {
      reason = error
    })
    clock.advance(5_000)
    clock.advance(14_999)
    expect(reason).toBeUndefined()
    clock.advance(1)
    expect(reason).toMatchObject({ code: 'UNAVAILABLE', outcome: 'unknown', message: expect.stringContaining('pings') })
  })

  test('any bytes are a sign of life', async () => {
    const { peer, clock, connection } = rawSetup()
    peer.hello()
    await rest()
    const frame = encodeFrame(frameKind.ping, 0, 0, Buffer.alloc(0), Buffer.alloc(0))
    for (const byte of frame) {
      clock.advance(10_000)
      peer.sendBytes(Buffer.of(byte))
      await rest()
    }
    expect(connection.closed).toBe(false)
  })

  test('a process that has slept looks at what came meanwhile before it gives up', async () => {
    const { peer, clock, connection } = rawSetup()
    peer.hello()
    await rest()
    clock.advance(5_000)
    peer.send('pong')
    clock.sleep(60_000)
    await rest()
    expect(connection.closed).toBe(false)
    clock.advance(5_000)
    expect(connection.closed).toBe(false)
  })

  test('stops with the connection: no timer is left', async () => {
    const { peer, clock, connection } = rawSetup()
    peer.hello()
    await rest()
    connection.request(echo, { text: '' }, { timeoutMs: 1_000 }).catch(() => undefined)
    connection.close()
    expect(clock.pending).toBe(0)
  })
})

describe('an end', () => {
  test('is told to each listener once, also to one that comes late', async () => {
    const { client, clientTransport } = await connect(plainEcho())
    const told: string[] = []
    client.onClose(({ code }) => told.push(`first ${code}`))
    const off = client.onClose(() => told.push('never'))
    off()
    clientTransport.sever()
    client.close()
    client.onClose(({ code }) => told.push(`late ${code}`))
    expect(told).toEqual(['first UNAVAILABLE', 'late UNAVAILABLE'])
  })

  test('lets frames that were sent before it arrive', async () => {
    const { client, server } = await connect(plainEcho())
    const closed = new Promise(resolve => client.onClose(resolve))
    server.answerError(0, new GliderError('UNAVAILABLE', 'the last word'))
    server.close()
    expect(await closed).toMatchObject({ message: 'the last word' })
  })

  test('of new work is announced by goaway, and what is under way is answered', async () => {
    const { handlers, asked } = slowEcho()
    const { client, server } = await connect(handlers)
    const answer = client.request(echo, { text: 'a' })
    await rest()
    server.goAway()
    await rest()
    expect(client.usable).toBe(false)
    expect(client.closed).toBe(false)
    asked.get('a')!.resolve({ text: 'a' })
    expect((await answer).head.text).toBe('a')
  })
})

describe('a side that does not fetch its answers', () => {
  test('is not read from any more until it does, and nothing is lost', async () => {
    const text = 'x'.repeat(60_000)
    const { peer, connection, transport } = rawSetup({ handlers: plainEcho() })
    peer.hello()
    await rest()
    transport.hold()
    const count = 400
    for (let i = 0; i < count; i++) peer.send('request', { operation: echo.code, id: 2 * i + 1, head: { text } })
    await rest()
    expect(transport.paused).toBe(true)
    expect(connection.queue.backlog).toBeLessThan(9 << 20)
    transport.release()
    await peer.frame('response', count)
    expect(transport.paused).toBe(false)
  })

  test('holds no more than that in bodies of answers', async () => {
    const { peer, connection, transport } = rawSetup({ handlers: plainEcho() })
    peer.hello()
    await rest()
    transport.hold()
    for (let i = 0; i < 40; i++) {
      peer.send('request', { operation: body.code, id: 2 * i + 1, head: { text: '' }, body: Buffer.alloc(MAX_BODY_BYTES) })
      await rest()
    }
    expect(transport.paused).toBe(true)
    expect(connection.queue.backlog).toBeLessThan(12 << 20)
    transport.release()
    await peer.frame('response', 40)
  })

  test('opens no streams without end', async () => {
    const handlers = new HandlerTable()
    handlers.stream(upload, () => new Promise(() => undefined))
    const { peer, connection, transport } = rawSetup({ handlers })
    peer.hello()
    await rest()
    transport.hold()
    const open = (_unused: unknown, i: number): Buffer =>
      encodeFrame(frameKind.open, upload.code, 2 * i + 1, Buffer.from('{"text":""}'), Buffer.alloc(0))
    peer.sendBytes(Buffer.concat(Array.from({ length: 80_000 }, open)))
    await rest()
    expect(transport.paused).toBe(true)
    expect(connection.queue.backlog).toBeLessThan(9 << 20)
    connection.close()
  })
})
