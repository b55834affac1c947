import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ConnectionCore, connectionContext } from './connection.ts'
import { GliderError } from './errors.ts'
import { encodeFrame, frameKind, MAX_BODY_BYTES, MAX_HEAD_BYTES } from './frame.ts'
import { HandlerTable, type RawReceiver } from './handlers.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { transportPair } from './testing/memory-transport.ts'
import { testOperations } from './testing/operations.ts'
import { helloHead, RawPeer } from './testing/raw-peer.ts'

const { echo, body, upload, download, raw } = testOperations

/** All that is under way within the process has come to rest. */
function rest(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}

const rawMemory = Buffer.alloc(MAX_BODY_BYTES)

function handlersOfEveryShape(): HandlerTable {
  const handlers = new HandlerTable()
  handlers.answer(echo, head => head)
  handlers.answerBytes(body, async (_head, bytes) => ({ head: {}, body: bytes }))
  handlers.stream(upload, async (_head, stream) => {
    let bytes = 0
    for (let chunk = await stream.read(); chunk; chunk = await stream.read()) bytes += chunk.length
    return { bytes }
  })
  handlers.stream(download, async (_head, stream) => {
    await stream.write(Buffer.alloc(100_000))
    return {}
  })
  handlers.raw(raw, connection => {
    return {
      place(head, bodyBytes) {
        if (head.length > 2) throw new GliderError('FORBIDDEN', 'no')
        return rawMemory.subarray(0, bodyBytes)
      },
      received: (_head, bytes, id) => connection.answerRaw(id, Buffer.alloc(0), bytes),
      abandoned: () => undefined,
    } satisfies RawReceiver
  })
  return handlers
}

const head = Buffer.from('{"text":"a"}')
const none = Buffer.alloc(0)
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const credit = Buffer.alloc(16)
credit.writeDoubleLE(1 << 20, 0)

/** A conversation that uses every kind of frame. */
const sound: readonly Buffer[] = [
  encodeFrame(frameKind.hello, 0, 0, json(helloHead), none),
  encodeFrame(frameKind.request, echo.code, 1, head, none),
  encodeFrame(frameKind.request, body.code, 3, head, Buffer.alloc(300, 1)),
  encodeFrame(frameKind.open, upload.code, 5, head, none),
  encodeFrame(frameKind.data, 0, 5, none, Buffer.alloc(20_000, 2)),
  encodeFrame(frameKind.ping, 0, 0, none, none),
  encodeFrame(frameKind.open, download.code, 7, head, none),
  encodeFrame(frameKind.credit, 0, 7, credit, none),
  encodeFrame(frameKind.end, 0, 5, none, none),
  encodeFrame(frameKind.request, raw.code, 9, none, Buffer.alloc(40_000, 3)),
  encodeFrame(frameKind.request, raw.code, 11, head, Buffer.alloc(17, 3)),
  encodeFrame(frameKind.reset, 0, 7, json({ code: 'CANCELLED', message: 'enough' }), none),
  encodeFrame(frameKind.response, 0, 2, json({ text: '' }), Buffer.alloc(20)),
  encodeFrame(frameKind.error, 0, 4, json({ code: 'BUSY', message: 'later' }), none),
  encodeFrame(frameKind.pong, 0, 0, none, none),
  encodeFrame(frameKind.goaway, 0, 0, none, none),
]

type Mutation =
  | { readonly what: 'flip'; readonly at: number; readonly value: number }
  | { readonly what: 'insert' | 'remove'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly what: 'repeat' | 'drop' | 'swap'; readonly at: number }

const positions = fc.nat({ max: 0xffff_ffff })
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  // Most bytes are in bodies; headers and heads are what is worth changing.
  { weight: 6, arbitrary: fc.record({ what: fc.constant('flip' as const), at: positions, value: fc.nat({ max: 255 }) }) },
  fc.record({
    what: fc.constantFrom('insert' as const, 'remove' as const),
    at: positions,
    bytes: fc.uint8Array({ minLength: 1, maxLength: 20 }),
  }),
  fc.record({ what: fc.constantFrom('repeat' as const, 'drop' as const, 'swap' as const), at: positions }),
)

function mutate(frames: readonly Buffer[], mutations: readonly Mutation[]): Buffer {
  const result = frames.map(frame => Buffer.from(frame))
  for (const change of mutations) {
    if (result.length === 0) break
    const index = change.at % result.length
    const frame = result[index]!
    const at = Math.floor(change.at / result.length) % Math.min(frame.length, 60)
    switch (change.what) {
      case 'flip':
        frame[at] = change.value
        break
      case 'insert':
        result[index] = Buffer.concat([frame.subarray(0, at), change.bytes, frame.subarray(at)])
        break
      case 'remove':
        result[index] = Buffer.concat([frame.subarray(0, at), frame.subarray(at + change.bytes.length)])
        break
      case 'repeat':
        result.splice(index, 0, Buffer.from(frame))
        break
      case 'drop':
        result.splice(index, 1)
        break
      case 'swap':
        result.splice(index, 1)
        result.push(frame)
        break
    }
    // An empty frame is not there any more.
    if (result[index]?.length === 0) result.splice(index, 1)
  }
  return Buffer.concat(result)
}

let largest = 0
let taken = 0
const unhandled: unknown[] = []
const noteUnhandled = (reason: unknown): void => void unhandled.push(reason)

/** Feeds bytes to a connection with handlers of every shape, and sees that it keeps its limits. */
async function feed(bytes: Buffer, cut: number, landing: boolean): Promise<void> {
  const clock = new FakeClock()
  const [transport, other] = transportPair({ cut: () => cut, landing }, {})
  const connection = new ConnectionCore(connectionContext(clock), {
    side: 'accepted',
    hello: { role: 'metadata', clientId: 'core' },
    handlers: handlersOfEveryShape(),
    transport,
  })
  connection.start().catch(() => undefined)
  // What comes back is always a sequence of sound frames: the peer's decoder would throw here otherwise.
  const peer = new RawPeer(other)
  taken = 0
  for (let at = 0; at < bytes.length; at += 50_000) peer.sendBytes(bytes.subarray(at, at + 50_000))
  await rest()
  await rest()
  // What was taken came in whole frames but for one.
  expect(taken).toBeLessThan(2 * bytes.length + 4 * (MAX_BODY_BYTES + MAX_HEAD_BYTES))
  if (connection.closed) {
    expect(peer.closed).toBe(true)
    const last = peer.frames.at(-1)
    expect(last === undefined || last.id === 0 || last.kind !== 'error').toBe(true)
  } else {
    // It is alive, or waits for the rest of a frame, and then falls silent.
    clock.advance(30_000)
    await rest()
    expect(connection.closed).toBe(true)
  }
  expect(connection.load).toBe(0)
  expect(clock.pending).toBe(0)
}

describe('bytes that were changed on the way', () => {
  afterEach(() => {
    vi.restoreAllMocks()
    process.off('unhandledRejection', noteUnhandled)
  })

  test('end in an error frame or a closed connection: never in a crash, a hang, or memory beyond the limits', async () => {
    process.on('unhandledRejection', noteUnhandled)
    for (const name of ['allocUnsafe', 'allocUnsafeSlow'] as const) {
      const allocate = Buffer[name].bind(Buffer)
      vi.spyOn(Buffer, name).mockImplementation(bytes => {
        largest = Math.max(largest, bytes)
        taken += bytes
        return allocate(bytes)
      })
    }
    await fc.assert(
      fc.asyncProperty(
        fc.array(mutation, { minLength: 1, maxLength: 6 }),
        fc.constantFrom(61, 1_000, 65_536),
        fc.boolean(),
        async (mutations, cut, landing) => {
          await feed(mutate(sound, mutations), cut, landing)
        },
      ),
      { numRuns: 2_000 },
    )
    expect(largest).toBeLessThanOrEqual(MAX_BODY_BYTES)
    expect(unhandled).toEqual([])
  })

  test('and bytes that never were frames do no harm either', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), fc.boolean(), async (bytes, greets) => {
        await feed(Buffer.concat(greets ? [sound[0]!, bytes] : [bytes]), 65_536, true)
      }),
      { numRuns: 1_000 },
    )
  })

  test('are not in what is fed unchanged: every request and stream of it is answered', async () => {
    const [transport, other] = transportPair()
    const connection = new ConnectionCore(connectionContext(new FakeClock()), {
      side: 'accepted',
      hello: { role: 'metadata', clientId: 'core' },
      handlers: handlersOfEveryShape(),
      transport,
    })
    connection.start().catch(() => undefined)
    const peer = new RawPeer(other)
    peer.sendBytes(Buffer.concat(sound))
    await rest()
    await rest()
    expect(
      peer
        .all('response')
        .map(({ id }) => id)
        .toSorted((a, b) => a - b),
    ).toEqual([1, 3, 9])
    expect(peer.all('error').map(({ id }) => id)).toEqual([11])
    expect(peer.all('end').map(({ id }) => id)).toEqual([5])
    expect(peer.all('pong')).toHaveLength(1)
    connection.close()
  })
})
