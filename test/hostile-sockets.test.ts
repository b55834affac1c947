/** Sockets that break every rule, against servers that are processes of their own: they answer or close, and nobody else notices. */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import net from 'node:net'
import { StoreClient } from 'glider'
import { LocalCluster } from 'glider/cluster'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { catalogue } from '../protocol/catalogue.ts'
import { systemClock } from '../protocol/clock.system.ts'
import { every } from '../protocol/clock.ts'
import { ConnectionCore, connectionContext } from '../protocol/connection.ts'
import { dial, UPGRADE_PROTOCOL, WEBSOCKET_PATH } from '../protocol/dial.system.ts'
import { encodeFrame, frameKind, HEADER_BYTES } from '../protocol/frame.ts'
import { helloHead } from '../protocol/testing/raw-peer.ts'
import { failureOf } from './support/failure.ts'
import { startScript } from './support/processes.ts'
import { deploySource } from './support/shared-cluster.ts'
import { bytesOf } from './support/streams.ts'

const MIB = 1 << 20
/** Of one connection, in this file's cluster. */
const OPERATIONS = 256
const UPGRADE = `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${UPGRADE_PROTOCOL}\r\n\r\n`
const EMPTY = Buffer.alloc(0)
const HELLO = encodeFrame(frameKind.hello, 0, 0, Buffer.from(JSON.stringify(helloHead)), EMPTY)

let cluster: LocalCluster
let store: StoreClient

beforeAll(async () => {
  process.env['GLIDER_MAX_OPERATIONS'] = String(OPERATIONS)
  cluster = await LocalCluster.start({ capacity: '64MiB', threads: 1, slots: 8, logLevel: 'silent' })
  delete process.env['GLIDER_MAX_OPERATIONS']
  store = await StoreClient.connect(cluster.address)
  await deploySource(
    store,
    'patience.ts',
    `import { Action, type ActionOutput } from 'glider/action'
export class Patience extends Action {
  static calls = ['forever', 'now']
  static interleaved = true
  async onRead(output: ActionOutput) { const piece = Buffer.alloc(8_192); for (;;) await output.write(piece) }
  forever() { return new Promise(() => {}) }
  now() { return 'now' }
}
export class Short extends Action {
  async onRead(output: ActionOutput) { for (let i = 0; i < 64; i++) await output.write(Buffer.alloc(65_536, i)) }
}
`,
  )
  await (await store.create('/patience', 'action')).create('Patience')
  await (await store.create('/short', 'action')).create('Short')
}, 60_000)

afterAll(async () => {
  await store?.close()
  await cluster?.stop()
})

function addressOf(role: 'metadata' | 'storage' | 'active'): string {
  return cluster.servers.find(server => server.role === role)!.address
}

async function metric(role: 'metadata' | 'storage' | 'active', name: string): Promise<number> {
  const text = await (await fetch(`http://${addressOf(role)}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

async function resident(role: 'metadata' | 'storage' | 'active'): Promise<number> {
  const { pid } = cluster.servers.find(server => server.role === role)!
  return Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

async function socketTo(address: string): Promise<net.Socket> {
  const [host, port] = address.split(':')
  const socket = net.connect(Number(port), host)
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** A socket that speaks frames from now on. */
async function upgraded(address: string): Promise<net.Socket> {
  const socket = await socketTo(address)
  socket.write(UPGRADE)
  await once(socket, 'data')
  return socket
}

async function bare(address: string): Promise<ConnectionCore> {
  const transport = await dial(address)
  const hello = { role: 'client', clientId: 'hostile' } as const
  return new ConnectionCore(connectionContext(systemClock), { transport, side: 'dialled', hello }).start()
}

/** What others do meanwhile, with all kinds of servers. */
async function othersWork(): Promise<void> {
  await using other = await StoreClient.connect(cluster.address)
  const bytes = Buffer.alloc(3 * MIB, 5)
  await other.put('/other', bytes)
  expect((await other.get('/other')).equals(bytes)).toBe(true)
  const patience = await other.lookup('/patience', 'action')
  expect(await patience.call('now')).toBe('now')
  const short = await other.lookup('/short', 'action')
  expect((await bytesOf(short.createReadStream())).length).toBe(4 * MIB)
}

function header(kind: number, payload: number, head: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES)
  bytes.writeUInt32LE(payload, 0)
  bytes[4] = kind
  bytes.writeUInt32LE(head, 12)
  return bytes
}

const offences: Record<string, (address: string) => Promise<net.Socket>> = {
  async 'says nothing at all'(address) {
    return socketTo(address)
  },
  async 'sends garbage instead of HTTP'(address) {
    const socket = await socketTo(address)
    socket.write(Buffer.alloc(5_000, 0xa5))
    return socket
  },
  async 'stops in the middle of a head of HTTP'(address) {
    const socket = await socketTo(address)
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-Half:')
    return socket
  },
  async 'sends a head of HTTP a byte at a time'(address) {
    const socket = await socketTo(address)
    socket.write('GET / HTTP/1.1\r\nX: ')
    const drip = every(systemClock, 300, () => socket.write('x'))
    socket.on('close', () => drip.cancel())
    return socket
  },
  async 'sends a head of HTTP without end'(address) {
    const socket = await socketTo(address)
    socket.write(`GET / HTTP/1.1\r\nX: ${'x'.repeat(200_000)}`)
    return socket
  },
  async 'upgrades to something else'(address) {
    const socket = await socketTo(address)
    socket.write(UPGRADE.replace(UPGRADE_PROTOCOL, 'h2c'))
    return socket
  },
  async 'upgrades and says no hello'(address) {
    return upgraded(address)
  },
  async 'upgrades and sends garbage'(address) {
    const socket = await upgraded(address)
    socket.write(Buffer.alloc(100, 0xa5))
    return socket
  },
  async 'sends a hello a byte at a time'(address) {
    const socket = await upgraded(address)
    let at = 0
    const drip = every(systemClock, 300, () => socket.write(HELLO.subarray(at, ++at)))
    socket.on('close', () => drip.cancel())
    return socket
  },
  async 'says how long a frame is: 4 GiB'(address) {
    const socket = await upgraded(address)
    socket.write(Buffer.concat([HELLO, header(frameKind.data, 0xffff_ffff, 0)]))
    return socket
  },
  async 'says how long a head is: 4 GiB'(address) {
    const socket = await upgraded(address)
    socket.write(Buffer.concat([HELLO, header(frameKind.request, 0xffff_ffff, 0xffff_ffff)]))
    return socket
  },
  async 'sends a ping with a megabyte'(address) {
    const socket = await upgraded(address)
    socket.write(Buffer.concat([HELLO, header(frameKind.ping, MIB, 0)]))
    return socket
  },
  async 'stops in the middle of a frame, and answers no pings'(address) {
    const socket = await upgraded(address)
    const put = header(frameKind.request, 5_000, 0)
    put.writeUInt16LE(catalogue.put.code, 6)
    put.writeUInt32LE(1, 8)
    socket.write(Buffer.concat([HELLO, put]))
    return socket
  },
  async 'sends garbage in a WebSocket'(address) {
    const socket = await socketTo(address)
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n'
    socket.write(`GET ${WEBSOCKET_PATH} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n`)
    await once(socket, 'data')
    socket.write(Buffer.alloc(100, 0xff))
    return socket
  },
}

/** 15 s of silence, as far as pings can tell, and 5 s until that is looked at. */
const BOUND_MS = 23_000

describe('a socket that breaks the rules', () => {
  it('is closed within a bound, whatever it does, while others go on', { timeout: 60_000 }, async () => {
    const closings = (['metadata', 'storage', 'active'] as const).flatMap(role =>
      Object.entries(offences).map(async ([name, offend]) => {
        const socket = await offend(addressOf(role))
        const start = performance.now()
        socket.resume()
        // Not `once` of node:events, which takes a reset for a failure.
        if (!socket.closed) await new Promise<void>(resolve => socket.once('close', () => resolve()))
        return { name: `${role}: ${name}`, ms: performance.now() - start }
      }),
    )
    await othersWork()
    for (const { name, ms } of await Promise.all(closings)) expect({ name, late: ms >= BOUND_MS }).toEqual({ name, late: false })
    await othersWork()
  })
})

describe('a client that opens and asks', () => {
  it('and never reads its streams, costs no more than they may hold, and others read theirs', { timeout: 60_000 }, async () => {
    const { location } = await locationOf('/patience')
    const before = await resident('active')
    const hostile = await bare(addressOf('active'))
    const streams = Array.from({ length: 5_000 }, () => hostile.open(catalogue.readAction, { location }))
    // They are opened in order: what comes behind them has seen them all.
    const refused = await failureOf(streams.at(-1)!.end())
    expect(refused).toMatchObject({ code: 'BUSY' })
    await othersWork()
    expect((await resident('active')) - before).toBeLessThan(700 * MIB)
    hostile.close()
    await othersWork()
  })

  it('for more than is ever answered, is refused by the name of the limit', { timeout: 60_000 }, async () => {
    const { location } = await locationOf('/patience')
    const hostile = await bare(addressOf('active'))
    const outcomes: string[] = []
    const asked = Array.from({ length: 4 * OPERATIONS }, () =>
      hostile.request(catalogue.callAction, { location, name: 'forever' }).then(
        () => outcomes.push('answered'),
        (error: Error) => outcomes.push(error.message),
      ),
    )
    await othersWork()
    await expect.poll(() => outcomes.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2 * OPERATIONS)
    expect(new Set(outcomes)).toEqual(new Set([expect.stringMatching(/operations under way.*--max-operations/)]))
    hostile.close()
    await Promise.all(asked)
    await othersWork()
  })

  it('and never reads the answers, is held back, and closed after a while', { timeout: 60_000 }, async () => {
    await store.put('/answer', Buffer.alloc(4_000, 1))
    const before = await resident('metadata')
    const connections = await metric('metadata', 'glider_connections')
    const socket = await upgraded(addressOf('metadata'))
    socket.pause()
    const request = (id: number): Buffer =>
      encodeFrame(frameKind.request, catalogue.get.code, id, Buffer.from('{"path":"/answer"}'), EMPTY)
    const batch = Buffer.concat(Array.from({ length: 1_000 }, (_, at) => request(2 * at + 1)))
    socket.write(HELLO)
    for (let batches = 0; batches < 100; batches++) socket.write(batch)
    await othersWork()
    expect((await resident('metadata')) - before).toBeLessThan(100 * MIB)
    // A socket that does not read does not hear that it was closed, either.
    const open = (): Promise<number> => metric('metadata', 'glider_connections')
    await expect.poll(open, { timeout: BOUND_MS }).toBeLessThanOrEqual(connections)
    socket.destroy()
    await othersWork()
  })
})

async function locationOf(path: string): Promise<{ location: string }> {
  const connection = await bare(addressOf('metadata'))
  const { head } = await connection.request(catalogue.openObject, { path })
  connection.close()
  return head
}

/** Opens very many connections to the servers, of which every second one says hello, and holds them. */
const CROWD = `
import net from 'node:net'
const [count, hello, ...addresses] = process.argv.slice(2)
const upgrade = ${JSON.stringify(UPGRADE)}
const sockets = new Set()
let next = 0
async function open() {
  while (next < Number(count)) {
    const at = next++
    const [host, port] = addresses[at % addresses.length].split(':')
    await new Promise(resolve => {
      const socket = net.connect(Number(port), host, () => {
        if (at % 2 === 1) return resolve()
        socket.write(upgrade)
        socket.once('data', () => { socket.write(Buffer.from(hello, 'base64')); socket.resume(); resolve() })
      })
      socket.on('error', resolve)
      sockets.add(socket)
    })
  }
}
await Promise.all(Array.from({ length: 64 }, open))
console.log(sockets.size)
setInterval(() => {}, 1000)
`

describe('ten thousand connections', () => {
  it('of a process that does nothing with them, cost little, and others go on', { timeout: 90_000 }, async () => {
    const roles = ['metadata', 'storage', 'active'] as const
    const before = await Promise.all(roles.map(resident))
    const addresses = roles.map(addressOf)
    {
      await using crowd = await startScript(CROWD, ['10000', HELLO.toString('base64'), ...addresses])
      expect(Number(await crowd.line())).toBe(10_000)
      await othersWork()
      const after = await Promise.all(roles.map(resident))
      for (const [at, role] of roles.entries())
        expect({ role, much: after[at]! - before[at]! >= 128 * MIB }).toEqual({ role, much: false })
    }
    await expect.poll(() => metric('storage', 'glider_connections'), { timeout: 20_000 }).toBeLessThan(10)
    await othersWork()
  })
})

describe('at the limit of connections', () => {
  it('one more is refused by its name, in frames and in a WebSocket alike, until one has gone', { timeout: 60_000 }, async () => {
    process.env['GLIDER_MAX_CONNECTIONS'] = '5'
    await using small = await LocalCluster.start({ storageServers: 0, activeServers: 0, logLevel: 'silent' })
    delete process.env['GLIDER_MAX_CONNECTIONS']
    const { host } = new URL(small.address)
    const connections = await Promise.all(Array.from({ length: 5 }, () => bare(host)))
    const busy = { code: 'BUSY', message: expect.stringMatching(/5 connections are open.*--max-connections/) }
    expect(await failureOf(StoreClient.connect(small.address))).toMatchObject(busy)
    expect(await failureOf(StoreClient.connect(small.address.replace('http', 'ws')))).toMatchObject(busy)
    expect((await fetch(`${small.address}/healthz`)).status).toBe(200)
    connections.pop()!.close()
    await expect
      .poll(() =>
        StoreClient.connect(small.address)
          .then(one => one.close())
          .then(() => 'in'),
      )
      .toBe('in')
    for (const connection of connections) connection.close()
  })
})
