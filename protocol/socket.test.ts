import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from './clock.system.ts'
import { ConnectionCore, connectionContext } from './connection.ts'
import { dial, splitAddress, UPGRADE_PROTOCOL } from './dial.system.ts'
import { encodeFrame, frameKind } from './frame.ts'
import { HandlerTable } from './handlers.ts'
import type { ByteStream } from './peer.ts'
import { socketTransport } from './socket.system.ts'
import { testOperations } from './testing/operations.ts'
import { helloHead } from './testing/raw-peer.ts'
import type { Transport, TransportEvents } from './transport.ts'

const { body, upload, download } = testOperations
const MIB = 1 << 20
const HANDSHAKE = `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${UPGRADE_PROTOCOL}\r\n\r\n`

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

interface Host {
  readonly port: number
  /** The accepted end of the next connection. */
  next(): Promise<Transport>
  /** Its socket. */
  readonly sockets: net.Socket[]
}

async function listen(fast: boolean): Promise<Host> {
  const accepted: Transport[] = []
  const waiting: ((transport: Transport) => void)[] = []
  const sockets: net.Socket[] = []
  const server = http.createServer((_request, response) => response.end('plain HTTP'))
  server.on('upgrade', (_request, socket: net.Socket, early: Buffer) => {
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${UPGRADE_PROTOCOL}\r\n\r\n`)
    sockets.push(socket)
    const transport = socketTransport(socket, early, fast)
    cleanups.push(() => transport.close())
    const resolve = waiting.shift()
    if (resolve) resolve(transport)
    else accepted.push(transport)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => server.close())
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    next: async () => accepted.shift() ?? new Promise(resolve => waiting.push(resolve)),
  }
}

/** Dials as `dial` does, but the plain way. */
function dialPlain(port: number): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const request = http.request({ port, agent: false, headers: { Connection: 'Upgrade', Upgrade: UPGRADE_PROTOCOL } })
    request.on('upgrade', (_response, socket, early) => resolve(socketTransport(socket, early, false)))
    request.on('error', reject)
    request.end()
  })
}

async function rawSocket(port: number): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  cleanups.push(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Notes what a transport tells. */
class Events implements TransportEvents {
  readonly chunks: Buffer[] = []
  place: Buffer | undefined
  landedBytes = 0
  goneTimes = 0
  cause: Error | undefined
  readonly gone: (cause: Error | undefined) => void
  readonly over: Promise<void>
  readonly #progress: (() => void)[] = []

  constructor() {
    let resolve!: () => void
    this.over = new Promise(yes => {
      resolve = yes
    })
    this.gone = cause => {
      this.goneTimes++
      this.cause = cause
      resolve()
    }
  }

  landing(): Uint8Array | undefined {
    return this.place?.subarray(this.landedBytes)
  }

  landed(bytes: number): void {
    this.landedBytes += bytes
    this.#wake()
  }

  bytes(chunk: Buffer): void {
    this.chunks.push(Buffer.from(chunk))
    this.#wake()
  }

  get received(): Buffer {
    return Buffer.concat(this.chunks)
  }

  async until(ready: () => boolean): Promise<void> {
    while (!ready()) await new Promise<void>(resolve => this.#progress.push(resolve))
  }

  #wake(): void {
    for (const resolve of this.#progress.splice(0)) resolve()
  }
}

/** Bytes in pieces of all sizes, from one byte to 1 MiB. */
function* pieces(total: number): Generator<Buffer> {
  const sizes = [1, 100, 4_096, 8_192, 8_193, 16_384, 65_536, 262_144, 300_001, MIB]
  for (let sent = 0, turn = 0; sent < total; turn++) {
    const size = Math.min(sizes[turn % sizes.length]!, total - sent)
    yield Buffer.alloc(size, turn + 1)
    sent += size
  }
}

async function digest(stream: ByteStream): Promise<string> {
  const hash = createHash('sha256')
  for (let chunk = await stream.read(); chunk; chunk = await stream.read()) hash.update(chunk)
  return hash.digest('hex')
}

function digestOfPieces(total: number): string {
  const hash = createHash('sha256')
  for (const piece of pieces(total)) hash.update(piece)
  return hash.digest('hex')
}

function transferHandlers(digests: string[]): HandlerTable {
  const handlers = new HandlerTable()
  handlers.stream(upload, async (_head, stream) => {
    digests.push(await digest(stream))
    return { bytes: 0 }
  })
  handlers.stream(download, async ({ text }, stream) => {
    for (const piece of pieces(Number(text))) await stream.write(piece)
    return {}
  })
  handlers.answerBytes(body, async (_head, bytes) => ({ head: {}, body: bytes }))
  return handlers
}

describe.each([
  ['fast', true],
  ['plain', false],
])('the %s way over real sockets', (_name, fast) => {
  test('moves 32 MiB each way at once in frames of all sizes, whole', async () => {
    const host = await listen(fast)
    const digests: string[] = []
    const transport = await (fast ? dial(`127.0.0.1:${host.port}`) : dialPlain(host.port))
    const context = connectionContext(systemClock)
    const client = new ConnectionCore(context, { transport, side: 'dialled', hello: { role: 'client', clientId: 'c' } })
    const server = new ConnectionCore(context, {
      transport: await host.next(),
      side: 'accepted',
      hello: { role: 'metadata', clientId: 's' },
      handlers: transferHandlers(digests),
    })
    await Promise.all([client.start(), server.start()])
    const total = 32 * MIB
    const up = client.open(upload, { text: '' })
    const sending = (async () => {
      for (const piece of pieces(total)) await up.write(piece)
      await up.end()
    })()
    const requests = Array.from(pieces(4 * MIB), async piece => {
      const answer = await client.request(body, { text: '' }, { body: piece })
      expect(answer.body.equals(piece)).toBe(true)
    })
    const down = digest(client.open(download, { text: String(total) }))
    await Promise.all([sending, ...requests])
    expect(await down).toBe(digestOfPieces(total))
    expect(digests).toEqual([digestOfPieces(total)])
    client.close()
  })

  test('tells the bytes that came with the upgrade, and those behind them', async () => {
    const host = await listen(fast)
    const socket = await rawSocket(host.port)
    socket.write(`${HANDSHAKE}early`)
    const events = new Events()
    const transport = await host.next()
    transport.start(events)
    socket.write(' and late')
    await events.until(() => events.received.length >= 14)
    expect(events.received.toString()).toBe('early and late')
  })

  test('tells the bytes that came between the upgrade and the start', async () => {
    const host = await listen(fast)
    const socket = await rawSocket(host.port)
    socket.write(`${HANDSHAKE}early`)
    const transport = await host.next()
    socket.write(', in between')
    const accepted = host.sockets[0]!
    while (accepted.readableLength === 0 && accepted.bytesRead < HANDSHAKE.length + 17) {
      await new Promise(resolve => {
        setImmediate(resolve)
      })
    }
    const events = new Events()
    transport.start(events)
    socket.write(' and late')
    await events.until(() => events.received.length >= 26)
    expect(events.received.toString()).toBe('early, in between and late')
  })

  test('writes nothing into memory after it was closed while receiving', async () => {
    const host = await listen(fast)
    const socket = await rawSocket(host.port)
    socket.write(HANDSHAKE)
    const transport = await host.next()
    const events = new Events()
    events.place = Buffer.alloc(16 * MIB)
    transport.start(events)
    socket.write(Buffer.alloc(8 * MIB, 1))
    await events.until(() => events.landedBytes > 0 || events.chunks.length > 0)
    transport.close()
    const { landedBytes } = events
    const { length } = events.chunks
    events.place.fill(7)
    await events.over
    expect(events.place.equals(Buffer.alloc(16 * MIB, 7))).toBe(true)
    expect(events.landedBytes).toBe(landedBytes)
    expect(events.chunks.length).toBe(length)
    expect(events.goneTimes).toBe(1)
  })

  test('lets what was written leave before it closes', async () => {
    const host = await listen(fast)
    const transport = await dial(`127.0.0.1:${host.port}`)
    const accepted = await host.next()
    const events = new Events()
    transport.start(events)
    accepted.start(new Events())
    let flushed = false
    accepted.write([Buffer.alloc(4 * MIB, 1), Buffer.from('the end')], () => {
      flushed = true
    })
    accepted.close()
    await events.over
    expect(flushed).toBe(true)
    expect(events.received.length).toBe(4 * MIB + 7)
    expect(events.received.subarray(-7).toString()).toBe('the end')
  })

  test('lets the other side read what was written last, also while that still writes, where it lingers', async () => {
    const host = await listen(fast)
    const socket = await rawSocket(host.port)
    let failure: Error | undefined
    socket.on('error', error => {
      failure = error
    })
    socket.write(HANDSHAKE)
    const transport = await host.next()
    const events = new Events()
    transport.start(events)
    transport.write([Buffer.from('why')], () => undefined)
    transport.close(true)
    for (let turn = 0; turn < 50; turn++) {
      socket.write('more')
      await new Promise(resolve => {
        setImmediate(resolve)
      })
    }
    expect(failure).toBeUndefined()
    expect((await text(socket)).endsWith('why')).toBe(true)
    await events.over
    expect(events.goneTimes).toBe(1)
    expect(events.received.length).toBe(0)
  })

  test('is gone when the other side has closed its half, and when it resets', async () => {
    const host = await listen(fast)
    for (const leave of [(socket: net.Socket) => socket.end(), (socket: net.Socket) => socket.resetAndDestroy()]) {
      const socket = await rawSocket(host.port)
      socket.write(HANDSHAKE)
      const transport = await host.next()
      const events = new Events()
      transport.start(events)
      await once(socket, 'data')
      leave(socket)
      await events.over
      expect(events.goneTimes).toBe(1)
      let flushed = 0
      await new Promise<void>(resolve => {
        transport.write([Buffer.alloc(10), Buffer.alloc(10)], () => {
          flushed++
          resolve()
        })
      })
      expect(flushed).toBe(1)
    }
  })

  test('says that memory is free also for what never left', async () => {
    const host = await listen(fast)
    const socket = await rawSocket(host.port)
    socket.write(HANDSHAKE)
    const transport = await host.next()
    const events = new Events()
    transport.start(events)
    socket.pause()
    const flushes = Array.from(
      { length: 20 },
      () => new Promise<void>(resolve => transport.write([Buffer.alloc(MIB), Buffer.alloc(MIB)], resolve)),
    )
    socket.resetAndDestroy()
    await Promise.all(flushes)
    await events.over
  })

  test('takes nothing while paused, and everything after', async () => {
    const host = await listen(fast)
    const socket = await rawSocket(host.port)
    socket.write(HANDSHAKE)
    const transport = await host.next()
    const events = new Events()
    transport.start(events)
    await once(socket, 'data')
    transport.pause()
    let sent = 0
    const pump = (): void => {
      while (sent < 32 && socket.write(Buffer.alloc(MIB, sent++ + 1))) continue
    }
    socket.on('drain', pump)
    pump()
    for (let turn = 0; turn < 200; turn++) {
      await new Promise(resolve => {
        setImmediate(resolve)
      })
    }
    expect(events.received.length).toBe(0)
    transport.resume()
    await events.until(() => events.chunks.reduce((sum, { length }) => sum + length, 0) === 32 * MIB)
  })
})

describe('dial', () => {
  test('is UNAVAILABLE where nothing listens', async () => {
    const host = await listen(true)
    for (const cleanup of cleanups.splice(0)) await cleanup()
    await expect(dial(`127.0.0.1:${host.port}`)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await expect(dial(`127.0.0.1:${host.port}`, { webSocket: true })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('is PROTOCOL_ERROR where something else answers', async () => {
    const server = http.createServer((_request, response) => response.end('hello'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    cleanups.push(() => server.close())
    await expect(dial(`127.0.0.1:${(server.address() as AddressInfo).port}`)).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' })
  })

  test.each([false, true])('is CANCELLED by a signal that has fired, and by one that fires (webSocket %s)', async webSocket => {
    const silent = net.createServer(socket => cleanups.push(() => socket.destroy()))
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    cleanups.push(() => silent.close())
    const address = `127.0.0.1:${(silent.address() as AddressInfo).port}`
    await expect(dial(address, { webSocket, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' })
    const controller = new AbortController()
    const dialling = dial(address, { webSocket, signal: controller.signal })
    dialling.catch(() => undefined)
    await once(silent, 'connection')
    controller.abort()
    await expect(dialling).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  test('is not harmed by its signal once it has connected', async () => {
    const host = await listen(true)
    const controller = new AbortController()
    const transport = await dial(`127.0.0.1:${host.port}`, { signal: controller.signal })
    const accepted = await host.next()
    const events = new Events()
    transport.start(new Events())
    accepted.start(events)
    controller.abort()
    transport.write([Buffer.from('still there')], () => undefined)
    await events.until(() => events.received.length === 11)
    transport.close()
    await events.over
  })

  test.each(['nowhere', 'host:', ':1', 'host:65536', 'a b:1:2', ''])('rejects what is no address: %j', async address => {
    for (const webSocket of [false, true]) {
      await expect(dial(address, { webSocket })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    }
  })

  test('understands IPv6', () => {
    expect(splitAddress('[::1]:9060')).toEqual({ host: '::1', port: 9060 })
    expect(splitAddress('localhost:1')).toEqual({ host: 'localhost', port: 1 })
  })
})

test('a peer that sends its hello with the upgrade is served', async () => {
  const host = await listen(true)
  const socket = await rawSocket(host.port)
  const hello = encodeFrame(frameKind.hello, 0, 0, Buffer.from(JSON.stringify(helloHead)), Buffer.alloc(0))
  socket.write(Buffer.concat([Buffer.from(HANDSHAKE), hello]))
  const connection = new ConnectionCore(connectionContext(systemClock), {
    transport: await host.next(),
    side: 'accepted',
    hello: { role: 'metadata', clientId: 's' },
  })
  await connection.start()
  expect(connection.peer.clientId).toBe('raw')
  connection.close()
})
