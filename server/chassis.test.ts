import { once } from 'node:events'
import net from 'node:net'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { systemClock } from '../protocol/clock.system.ts'
import { ConnectionCore, connectionContext } from '../protocol/connection.ts'
import { dial, UPGRADE_PROTOCOL, WEBSOCKET_PATH } from '../protocol/dial.system.ts'
import { encodeFrame, frameKind, MAX_BODY_BYTES } from '../protocol/frame.ts'
import { HandlerTable } from '../protocol/handlers.ts'
import type { Hello } from '../protocol/peer.ts'
import { testOperations } from '../protocol/testing/operations.ts'
import { helloHead, RawPeer } from '../protocol/testing/raw-peer.ts'
import { Chassis } from './chassis.ts'
import { gauge } from './metrics.ts'

const { echo, body, upload, download } = testOperations
const MIB = 1 << 20
const HANDSHAKE = `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${UPGRADE_PROTOCOL}\r\n\r\n`

let chassis: Chassis
let reasons: string[]
const cleanups: (() => unknown)[] = []

beforeEach(async () => {
  reasons = []
  chassis = await start()
})

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
  await chassis.stop()
})

function start(
  port = 0,
  host = '127.0.0.1',
  secret?: string,
  context = connectionContext(systemClock),
  advertise?: string,
): Promise<Chassis> {
  const handlers = new HandlerTable()
  handlers.answer(echo, head => head)
  handlers.answerBytes(body, async (_head, bytes) => ({ head: {}, body: Buffer.from(bytes) }))
  handlers.stream(upload, async (_head, stream) => {
    let bytes = 0
    for (let chunk = await stream.read(); chunk; chunk = await stream.read()) bytes += chunk.length
    return { bytes }
  })
  handlers.stream(download, async ({ text }, stream) => {
    for (let left = Number(text); left > 0; left -= 300_000) await stream.write(Buffer.alloc(Math.min(left, 300_000), 1))
    return {}
  })
  const metrics = new Registry()
  gauge(metrics, 'glider_test', 'For tests.', () => 42)
  return Chassis.start({
    role: 'storage',
    id: 'incarnation',
    host,
    port,
    advertise,
    secret,
    context,
    handlers,
    metrics,
    log: pino({ level: 'silent' }),
    notReady: () => reasons,
  })
}

async function client(options: { webSocket?: boolean; role?: Hello['role'] } = {}): Promise<ConnectionCore> {
  const connection = new ConnectionCore(connectionContext(systemClock), {
    transport: await dial(chassis.address, { webSocket: options.webSocket ?? false }),
    side: 'dialled',
    hello: { role: options.role ?? 'client', clientId: 'client' },
  })
  cleanups.push(() => connection.close())
  return connection.start()
}

async function socketTo(address: string): Promise<net.Socket> {
  const [host, port] = address.split(':')
  const socket = net.connect(Number(port), host)
  socket.on('error', () => undefined)
  cleanups.push(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** What a socket gets until it is closed. */
async function rest(socket: net.Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  await once(socket, 'close')
  return Buffer.concat(chunks).toString()
}

describe('the address that others are told', () => {
  test.each([
    ['0.0.0.0', undefined],
    ['::', undefined],
    ['127.0.0.1', '0.0.0.0:9061'],
  ])('is one that they reach: not %s, advertised as %s', async (host, advertise) => {
    await expect(start(0, host, 'a secret', undefined, advertise)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('--advertise'),
    })
  })

  test('is what is advertised, wherever the server listens', async () => {
    const server = await start(0, '0.0.0.0', 'a secret', undefined, 'elsewhere:9061')
    cleanups.push(() => server.stop())
    expect(server.address).toBe('elsewhere:9061')
  })
})

describe('plain HTTP', () => {
  test('tells of health, readiness and metrics', async () => {
    const health = await fetch(`http://${chassis.address}/healthz`)
    expect([health.status, await health.json()]).toEqual([200, { status: 'ok', role: 'storage' }])
    const ready = await fetch(`http://${chassis.address}/readyz`)
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true, reasons: [] }])
    reasons.push('not registered')
    const notReady = await fetch(`http://${chassis.address}/readyz`)
    expect([notReady.status, await notReady.json()]).toEqual([503, { ready: false, reasons: ['not registered'] }])
    const metrics = await fetch(`http://${chassis.address}/metrics`)
    expect(metrics.headers.get('content-type')).toContain('text/plain')
    expect(await metrics.text()).toContain('glider_test 42')
  })

  test('works next to frames', async () => {
    const connection = await client()
    const stream = connection.open(upload, { text: '' })
    const sending = Promise.all(Array.from({ length: 32 }, () => stream.write(Buffer.alloc(MIB))))
    expect((await fetch(`http://${chassis.address}/healthz`)).status).toBe(200)
    await sending
    expect(await stream.end()).toEqual({ bytes: 32 * MIB })
    expect((await fetch(`http://${chassis.address}/nowhere`)).status).toBe(404)
  })
})

describe('a page in a browser', () => {
  const foreign = [
    'https://elsewhere.example',
    'null',
    'http://127.0.0.1.elsewhere.example:9060',
    'http://localhost.elsewhere.example',
  ]
  const own = ['http://localhost:3000', 'http://127.0.0.1:8080', 'http://[::1]']

  const openFrom = async (address: string, origin: string): Promise<number> => {
    const socket = new WebSocket(`ws://${address}${WEBSOCKET_PATH}`, { origin })
    cleanups.push(() => socket.terminate())
    return new Promise((resolve, reject) => {
      socket.on('open', () => resolve(101))
      socket.on('unexpected-response', (_request, { statusCode = 0 }) => resolve(statusCode))
      socket.on('error', reject)
    })
  }

  test('comes to a server that takes everybody at their word only from this machine', async () => {
    const health = `http://${chassis.address}/healthz`
    for (const origin of foreign) {
      expect(await openFrom(chassis.address, origin)).toBe(403)
      const answer = await fetch(health, { headers: { origin } })
      expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'FORBIDDEN' } }])
    }
    for (const origin of own) {
      expect(await openFrom(chassis.address, origin)).toBe(101)
      expect((await fetch(health, { headers: { origin } })).status).toBe(200)
    }
  })

  test('comes from anywhere to one that asks for a token', async () => {
    const guarded = await start(0, '127.0.0.1', 'a secret')
    cleanups.push(() => guarded.stop())
    expect(await openFrom(guarded.address, 'https://elsewhere.example')).toBe(101)
  })
})

describe('upgrades', () => {
  test('to something else are refused with 426 and the socket is closed, also where its owner keeps it open', async () => {
    const socket = net.connect({ port: Number(chassis.address.split(':')[1]), host: '127.0.0.1', allowHalfOpen: true })
    cleanups.push(() => socket.destroy())
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n')
    const chunks: Buffer[] = []
    socket.on('data', chunk => chunks.push(chunk))
    await once(socket, 'end')
    expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 426 Upgrade Required\r\nUpgrade: glider\/1, websocket\r\n/)
    await chassis.stop()
  })

  test.each([
    ['refused', 'h2c'],
    ['accepted', UPGRADE_PROTOCOL],
    ['a WebSocket', 'websocket'],
  ])('that are %s and reset in the same moment leave the server alive', async (_what, protocol) => {
    const survivor = await client()
    for (let i = 0; i < 30; i++) {
      const socket = await socketTo(chassis.address)
      socket.write(`GET ${WEBSOCKET_PATH} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`)
      socket.resetAndDestroy()
    }
    for (let i = 0; i < 30; i++) expect((await survivor.request(echo, { text: 'on' })).head.text).toBe('on')
  })

  test('by whoever says to be the metadata server are refused', async () => {
    const connection = await client({ role: 'metadata' })
    const reason = await new Promise(resolve => connection.onClose(resolve))
    expect(reason).toMatchObject({ code: 'FORBIDDEN' })
  })
})

describe('frames over a WebSocket', () => {
  test('move bytes both ways, beside requests', async () => {
    const connection = await client({ webSocket: true })
    expect(connection.peer).toMatchObject({ role: 'storage', clientId: 'incarnation' })
    const up = connection.open(upload, { text: '' })
    const sending = Promise.all(Array.from({ length: 40 }, (_unused, i) => up.write(Buffer.alloc(100_000 + i, i))))
    const down = connection.open(download, { text: String(5 * MIB) })
    let received = 0
    for (let chunk = await down.read(); chunk; chunk = await down.read()) received += chunk.length
    expect(received).toBe(5 * MIB)
    await sending
    expect(await up.end()).toEqual({ bytes: 4_000_780 })
    const bytes = Buffer.alloc(MAX_BODY_BYTES, 9)
    expect((await connection.request(body, { text: '' }, { body: bytes })).body.equals(bytes)).toBe(true)
  })

  test('may be cut into messages anywhere', async () => {
    const socket = new WebSocket(`ws://${chassis.address}${WEBSOCKET_PATH}`)
    cleanups.push(() => socket.terminate())
    await once(socket, 'open')
    const frames = Buffer.concat([
      encodeFrame(frameKind.hello, 0, 0, Buffer.from(JSON.stringify(helloHead)), Buffer.alloc(0)),
      encodeFrame(frameKind.request, echo.code, 1, Buffer.from('{"text":"cut"}'), Buffer.alloc(0)),
    ])
    for (const byte of frames) socket.send(Buffer.of(byte))
    let received = Buffer.alloc(0)
    while (!received.includes('{"text":"cut"}')) {
      const [message] = (await once(socket, 'message')) as [Buffer]
      received = Buffer.concat([received, message])
    }
  })

  const EMPTY = Buffer.alloc(0)
  const hello = encodeFrame(frameKind.hello, 0, 0, Buffer.from(JSON.stringify(helloHead)), EMPTY)
  /** For a stream that is not there. */
  const frame = encodeFrame(frameKind.data, 0, 1, EMPTY, Buffer.alloc(MIB))

  /** A socket with the beginning of a message that is a frame. */
  async function halfMessage(address: string, bytes: number, greeting: Uint8Array = hello): Promise<net.Socket> {
    const socket = await socketTo(address)
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13'
    socket.write(`GET ${WEBSOCKET_PATH} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n\r\n`)
    await once(socket, 'data')
    if (greeting.length > 0) socket.write(Buffer.concat([Buffer.of(0x82, 0xfe, 0, greeting.length, 0, 0, 0, 0), greeting]))
    const head = Buffer.from([0x82, 0xff, ...Buffer.alloc(12)])
    head.writeUInt32BE(frame.length, 6)
    socket.write(Buffer.concat([head, frame.subarray(0, bytes)]))
    return socket
  }

  test('are not waited for in long messages by somebody who has not said who it is', async () => {
    const context = connectionContext(systemClock)
    const server = await start(0, '127.0.0.1', undefined, context)
    cleanups.push(() => server.stop())
    const patient = await halfMessage(server.address, 60_000, EMPTY)
    const told = await rest(await halfMessage(server.address, 300_000, EMPTY))
    expect(told).toMatch(/PROTOCOL_ERROR.*before it is known who it is/)
    await expect.poll(() => context.budget.used, { timeout: 5_000 }).toBeLessThan(70_000)
    expect(context.budget.used).toBeGreaterThan(60_000)
    patient.destroy()
    await expect.poll(() => context.budget.used).toBe(0)
  })

  test('count as buffered while their messages are not whole, and at the limit the next one ends with BUSY', async () => {
    const context = connectionContext(systemClock, { limits: { bufferBytes: 2 * MIB } })
    const server = await start(0, '127.0.0.1', undefined, context)
    cleanups.push(() => server.stop())
    /** What came together with a hello, and what chunks take. */
    const SLACK = 150_000
    const half = 850_000
    const [first, second] = [await halfMessage(server.address, half), await halfMessage(server.address, half)]
    await expect.poll(() => context.budget.used).toBeGreaterThan(2 * half - SLACK)
    expect(await rest(await halfMessage(server.address, half))).toMatch(/BUSY.*--buffer-memory/)
    await expect.poll(() => context.budget.used).toBeLessThan(2 * half + SLACK)
    first.destroy()
    await expect.poll(() => context.budget.used).toBeLessThan(half + SLACK)
    second.write(frame.subarray(half))
    await expect.poll(() => context.budget.used).toBe(0)
    expect(server.connectionCount).toBe(1)
  })

  test('end when the other side goes', async () => {
    const connection = await client({ webSocket: true })
    await connection.request(echo, { text: '' })
    expect(chassis.connectionCount).toBe(1)
    const closed = new Promise(resolve => connection.onClose(resolve))
    await chassis.stop()
    expect(await closed).toMatchObject({ code: 'UNAVAILABLE' })
    expect(chassis.connectionCount).toBe(0)
  })
})

describe('a client that breaks the protocol', () => {
  const hello = encodeFrame(frameKind.hello, 0, 0, Buffer.from(JSON.stringify(helloHead)), Buffer.alloc(0))
  const huge = Buffer.alloc(16, 0xff)
  huge[4] = frameKind.request

  test.each<[string, Buffer]>([
    ['garbage', Buffer.from('this is no frame, but long enough for one')],
    ['a huge length', huge],
    ['hello and a huge length', Buffer.concat([hello, huge])],
    [
      'half a frame',
      encodeFrame(frameKind.request, body.code, 1, Buffer.from('{"text":""}'), Buffer.alloc(MAX_BODY_BYTES)).subarray(0, 99_999),
    ],
    [
      'hello and half a frame',
      Buffer.concat([
        hello,
        encodeFrame(frameKind.request, body.code, 1, Buffer.from('{"text":""}'), Buffer.alloc(MAX_BODY_BYTES)).subarray(
          0,
          99_999,
        ),
      ]),
    ],
  ])('with %s does no harm to the transfer of another', async (_what, bytes) => {
    const good = await client()
    const stream = good.open(upload, { text: '' })
    const sending = Promise.all(Array.from({ length: 16 }, () => stream.write(Buffer.alloc(MIB))))
    await Promise.all(
      Array.from({ length: 5 }, async () => {
        const socket = await socketTo(chassis.address)
        socket.write(Buffer.concat([Buffer.from(HANDSHAKE), bytes]))
        await once(socket, 'data')
        socket.destroy()
      }),
    )
    await sending
    expect(await stream.end()).toEqual({ bytes: 16 * MIB })
  })

  test('is told why', async () => {
    const socket = await socketTo(chassis.address)
    socket.write(Buffer.concat([Buffer.from(HANDSHAKE), Buffer.from('this is no frame at all')]))
    const text = await rest(socket)
    expect(text).toContain('HTTP/1.1 101')
    expect(text).toContain('PROTOCOL_ERROR')
  })

  test('before the upgrade gets an answer of HTTP', async () => {
    const socket = await socketTo(chassis.address)
    socket.write('\0\u0001 no HTTP at all\r\n\r\n')
    expect(await rest(socket)).toContain('HTTP/1.1 400')
  })
})

describe('stop', () => {
  test('closes every connection, tells their owners, and gives the port back', async () => {
    const connections = await Promise.all([client(), client({ webSocket: true }), client()])
    const reasonsSeen = connections.map(connection => new Promise(resolve => connection.onClose(resolve)))
    const keptAlive = await fetch(`http://${chassis.address}/healthz`)
    await keptAlive.text()
    const port = Number(chassis.address.split(':')[1])
    await Promise.all([chassis.stop(), chassis.stop()])
    for (const reason of await Promise.all(reasonsSeen)) expect(reason).toMatchObject({ code: 'UNAVAILABLE' })
    expect(chassis.connectionCount).toBe(0)
    chassis = await start(port)
    expect((await fetch(`http://${chassis.address}/healthz`)).status).toBe(200)
  })

  test('does not wait for those who keep their sockets open', async () => {
    await socketTo(chassis.address)
    const frames = await socketTo(chassis.address)
    frames.write(HANDSHAKE)
    await once(frames, 'data')
    frames.pause()
    const half = await socketTo(chassis.address)
    half.write('GET /healthz HTTP/1.1\r\nHo')
    // A WebSocket that reads nothing never answers the close.
    const webSocket = new WebSocket(`ws://${chassis.address}${WEBSOCKET_PATH}`)
    webSocket.on('error', () => undefined)
    cleanups.push(() => webSocket.terminate())
    await once(webSocket, 'open')
    webSocket.pause()
    await chassis.stop()
  })

  test('leaves no socket behind', async () => {
    const before = process.getActiveResourcesInfo().filter(name => /Server|TCP(Socket)?Wrap/.test(name)).length
    const own = await start()
    const transport = await dial(own.address)
    const peer = new RawPeer(transport)
    peer.hello()
    await peer.frame('hello')
    await own.stop()
    await peer.whenGone()
    while (process.getActiveResourcesInfo().filter(name => /Server|TCP(Socket)?Wrap/.test(name)).length > before) {
      await new Promise(resolve => {
        setImmediate(resolve)
      })
    }
  })
})

test('an address of another machine, or a name that means none, is INVALID_ARGUMENT with a remedy', async () => {
  // One of those that are for examples alone, and a name that cannot be.
  for (const host of ['192.0.2.1', 'no-such-host.invalid']) {
    await expect(start(0, host, 'a secret')).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/cannot listen on .*: name an address of this machine with --host/),
    })
  }
})

test('a port that is taken is INVALID_ARGUMENT with a remedy', async () => {
  await expect(start(Number(chassis.address.split(':')[1]))).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('--port'),
  })
})
