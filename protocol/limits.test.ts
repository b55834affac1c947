import { afterEach, describe, expect, test } from 'vitest'
import { ConnectionCore, connectionContext } from './connection.ts'
import { encodeFrame, frameKind, MAX_BODY_BYTES } from './frame.ts'
import { HandlerTable } from './handlers.ts'
import { defaultLimits, type Limits, verifyLimits } from './limits.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { transportPair } from './testing/memory-transport.ts'
import { testOperations } from './testing/operations.ts'
import { RawPeer } from './testing/raw-peer.ts'

const { echo, body, upload } = testOperations
const MIB = 1 << 20
const HEAD = { text: '' }

const cleanups: (() => void)[] = []

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

function settled(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}

/** A server whose answers wait until they are let go, and peers that are connected to it. */
function serve(limits: Partial<Limits>): {
  clock: FakeClock
  connect: (cut?: number) => { peer: RawPeer; connection: ConnectionCore }
  answerAll: () => Promise<void>
  used: () => number
} {
  const clock = new FakeClock()
  const waiting: (() => void)[] = []
  const later = (): Promise<void> => new Promise(resolve => waiting.push(resolve))
  const handlers = new HandlerTable()
  handlers.answer(echo, async head => {
    await later()
    return head
  })
  handlers.answerBytes(body, async () => {
    await later()
    return { head: {} }
  })
  handlers.stream(upload, async (_head, stream) => {
    let bytes = 0
    for (let chunk = await stream.read(); chunk; chunk = await stream.read()) bytes += chunk.length
    return { bytes }
  })
  const context = connectionContext(clock, { limits })
  return {
    clock,
    used: () => context.budget.used,
    async answerAll() {
      for (const answer of waiting.splice(0)) answer()
      await settled()
    },
    connect(cut = 64 << 10) {
      const [transport, other] = transportPair({ cut: () => cut })
      const hello = { role: 'metadata', clientId: 'core' } as const
      const connection = new ConnectionCore(context, { side: 'accepted', hello, handlers, transport })
      connection.start().catch(() => undefined)
      cleanups.push(() => connection.close())
      const peer = new RawPeer(other)
      peer.hello()
      return { peer, connection }
    },
  }
}

describe('requests under way', () => {
  test('are held back at their limit for a second, and refused after it until half of them are answered', async () => {
    const { clock, connect, answerAll } = serve({ operations: 4 })
    const { peer } = connect()
    for (let id = 1; id <= 7; id += 2) peer.send('request', { operation: echo.code, id, head: HEAD })
    await settled()
    peer.send('request', { operation: echo.code, id: 9, head: HEAD })
    await settled()
    expect(peer.all('error')).toEqual([])
    clock.advance(1_000)
    await settled()
    expect(JSON.parse(peer.all('error')[0]!.head.toString())).toMatchObject({
      code: 'BUSY',
      message: expect.stringMatching(/4 operations under way.*--max-operations/),
    })
    await answerAll()
    expect(peer.all('response').map(({ id }) => id)).toEqual([1, 3, 5, 7])
    peer.send('request', { operation: echo.code, id: 11, head: HEAD })
    await settled()
    await answerAll()
    expect(peer.all('response')).toHaveLength(5)
    expect(peer.all('error')).toHaveLength(1)
  })

  test('that are answered soon are never refused, however many there are', async () => {
    const { connect, answerAll } = serve({ operations: 16 })
    const { peer } = connect(200)
    for (let id = 1; id <= 199; id += 2) peer.send('request', { operation: echo.code, id, head: HEAD })
    for (let round = 0; round < 200 && peer.all('response').length < 100; round++) {
      await settled()
      await answerAll()
    }
    expect(peer.all('error').map(({ head }) => head.toString())).toEqual([])
    expect(peer.all('response')).toHaveLength(100)
  })

  test('are never more than twice the limit, even where they all came at once', async () => {
    const { peer, connection } = serve({ operations: 4 }).connect()
    peer.sendBytes(
      Buffer.concat(
        Array.from({ length: 20 }, (_, at) =>
          encodeFrame(frameKind.request, echo.code, 2 * at + 1, Buffer.from('{"text":""}'), Buffer.alloc(0)),
        ),
      ),
    )
    await settled()
    expect(connection.inFlight.count).toBe(8)
    expect(peer.all('error')).toHaveLength(12)
  })
})

describe('bytes that are buffered', () => {
  test('for one connection are limited: one more body is refused, and dropped as it comes', async () => {
    const { connect, answerAll, used } = serve({ connectionBytes: 2 * MIB })
    const { peer } = connect()
    for (const id of [1, 3, 5]) peer.send('request', { operation: body.code, id, head: HEAD, body: Buffer.alloc(MAX_BODY_BYTES) })
    const refused = await peer.frame('error')
    expect(refused.id).toBe(5)
    expect(JSON.parse(refused.head.toString())).toMatchObject({
      code: 'BUSY',
      message: expect.stringContaining('--connection-memory'),
    })
    expect(used()).toBe(2 * MIB)
    await answerAll()
    expect(used()).toBe(0)
    expect(peer.all('response')).toHaveLength(2)
  })

  test('for all connections are limited, those included that are still being received', async () => {
    const { connect, used } = serve({ bufferBytes: 2 * MIB })
    const half = encodeFrame(frameKind.request, body.code, 1, Buffer.from('{"text":""}'), Buffer.alloc(MAX_BODY_BYTES))
    const peers = [connect(), connect(), connect()]
    for (const { peer } of peers) peer.sendBytes(half.subarray(0, half.length - 1))
    await settled()
    expect(used()).toBe(2 * MIB)
    peers[2]!.peer.sendBytes(half.subarray(half.length - 1))
    expect(JSON.parse((await peers[2]!.peer.frame('error')).head.toString())).toMatchObject({
      code: 'BUSY',
      message: expect.stringContaining('--buffer-memory'),
    })
    for (const { connection } of peers) connection.close()
    expect(used()).toBe(0)
  })

  test('count what streams may send: those for which there is no room are refused', async () => {
    const { connect, used } = serve({ bufferBytes: MIB })
    const { peer, connection } = connect()
    for (let id = 1; id <= 35; id += 2) peer.send('open', { operation: upload.code, id, head: HEAD })
    await settled()
    expect(peer.all('reset').map(({ id }) => id)).toEqual([33, 35])
    expect(peer.all('reset')[0]!.head.toString()).toMatch(/BUSY.*--buffer-memory/)
    connection.close()
    expect(used()).toBe(0)
  })

  test('are not taken by bodies that nobody wants', async () => {
    const { connect, used } = serve({})
    const { peer, connection } = connect()
    const frames = [
      encodeFrame(frameKind.request, echo.code, 1, Buffer.from('{"text":""}'), Buffer.alloc(MAX_BODY_BYTES)),
      encodeFrame(frameKind.data, 0, 3, Buffer.alloc(0), Buffer.alloc(MAX_BODY_BYTES)),
      encodeFrame(frameKind.response, 0, 2, Buffer.alloc(0), Buffer.alloc(MAX_BODY_BYTES)),
    ]
    for (const frame of frames) peer.sendBytes(frame)
    peer.send('ping')
    await peer.frame('pong')
    expect(connection.closed).toBe(false)
    expect(used()).toBe(0)
  })
})

test('a stream beyond --max-streams is refused by its name', async () => {
  const { connect } = serve({ streams: 2 })
  const { peer } = connect()
  for (const id of [1, 3, 5]) peer.send('open', { operation: upload.code, id, head: HEAD })
  expect(JSON.parse((await peer.frame('reset')).head.toString())).toMatchObject({
    code: 'BUSY',
    message: expect.stringMatching(/2 streams open.*--max-streams/),
  })
})

test.each([
  [{ connections: 0 }, '--max-connections'],
  [{ streams: 1.5 }, '--max-streams'],
  [{ bufferBytes: 1000 }, '--buffer-memory'],
] as const)('limits that make no sense are refused: %j', (limits, flag) => {
  expect(() => verifyLimits(limits)).toThrow(flag)
  expect(verifyLimits()).toEqual(defaultLimits)
})
