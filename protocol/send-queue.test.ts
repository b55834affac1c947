import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { frameKind } from './frame.ts'
import { SendQueue } from './send-queue.ts'
import { SlabPool } from './slab.ts'
import { type MemoryTransport, transportPair } from './testing/memory-transport.ts'
import { RawPeer } from './testing/raw-peer.ts'

const { request, response, data } = frameKind
const EMPTY = Buffer.alloc(0)
const MIB = 1 << 20

/** All that is under way within the process has come to rest. */
function rest(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}

function setup(): { queue: SendQueue; transport: MemoryTransport; peer: RawPeer } {
  const [transport, other] = transportPair()
  return { queue: new SendQueue(transport, new SlabPool()), transport, peer: new RawPeer(other) }
}

describe('what leaves next', () => {
  test('is a small frame after at most 1 MiB and a frame of bodies', async () => {
    const { queue, transport, peer } = setup()
    transport.hold()
    for (let id = 1; id <= 64; id++) queue.body(response, 0, id, EMPTY, Buffer.alloc(MIB))
    await rest()
    queue.small(request, 2, 1_001, Buffer.from('{}'))
    await rest()
    transport.release()
    await peer.until(() => peer.frames.length === 65)
    expect(peer.frames.findIndex(({ kind }) => kind === 'request')).toBeLessThanOrEqual(2)
  })

  test('keeps at most 1 MiB and a frame of bodies in the transport', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: MIB }), { minLength: 1, maxLength: 40 }), async sizes => {
        const { queue, transport, peer } = setup()
        transport.hold()
        for (const [id, size] of sizes.entries()) queue.body(response, 0, id + 1, EMPTY, Buffer.alloc(size))
        await rest()
        expect(transport.unflushed).toBeLessThan(2 * MIB + sizes.length * 16)
        transport.release()
        await peer.until(() => peer.frames.length === sizes.length)
        expect(peer.frames.map(({ body }) => body.length).toSorted((a, b) => a - b)).toEqual(sizes.toSorted((a, b) => a - b))
      }),
      { numRuns: 20 },
    )
  })

  test('keeps to that for streams with many small pieces as well', async () => {
    const { queue, transport } = setup()
    transport.hold()
    let sent = 0
    queue.wake({
      sendPiece(into) {
        sent++
        into.piece(data, 0, 1, EMPTY, Buffer.alloc(1_000), () => undefined)
        return true
      },
    })
    await rest()
    expect(sent * 1_000).toBeGreaterThan(MIB / 2)
    expect(transport.unflushed).toBeLessThan(1.2 * MIB)
    queue.close()
  })

  test('goes round the streams and the bodies in turns', async () => {
    const { queue, transport, peer } = setup()
    transport.hold()
    const source = (id: number): void => {
      let left = 4
      queue.wake({
        sendPiece(into) {
          if (left-- === 0) return false
          into.piece(data, 0, id, EMPTY, Buffer.alloc(20_000), () => undefined)
          return true
        },
      })
    }
    source(101)
    source(102)
    for (let id = 1; id <= 4; id++) queue.body(response, 0, id, EMPTY, Buffer.alloc(20_000))
    await rest()
    transport.release()
    await peer.until(() => peer.frames.length === 12)
    const first = peer.frames.slice(0, 6).map(({ id }) => id)
    expect(first).toContain(101)
    expect(first).toContain(102)
    expect(first.filter(id => id < 100)).toEqual([1, 2, 3])
  })

  test('leaves in one write for all frames of a turn that are few', async () => {
    const { queue, transport, peer } = setup()
    for (let id = 1; id <= 15; id++) queue.small(response, 0, id, EMPTY)
    expect(transport.written).toEqual([])
    await peer.until(() => peer.frames.length === 15)
    expect(transport.written).toEqual([[240]])
  })

  test('does not wait for the end of the turn where there are 16 frames already', async () => {
    const { queue, transport, peer } = setup()
    for (let id = 1; id <= 40; id++) queue.small(response, 0, id, EMPTY)
    expect(transport.written).toEqual([[256], [256]])
    await peer.until(() => peer.frames.length === 40)
    expect(transport.written).toEqual([[256], [256], [128]])
    expect(peer.frames.map(({ id }) => id)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1))
  })

  test('is not a body that nobody wants any more', async () => {
    const { queue, peer } = setup()
    let flushed = 0
    queue.body(
      request,
      1,
      1,
      EMPTY,
      Buffer.alloc(20_000),
      () => flushed++,
      () => false,
    )
    queue.body(
      request,
      1,
      3,
      EMPTY,
      Buffer.alloc(20_000),
      () => flushed++,
      () => true,
    )
    await peer.until(() => peer.frames.length === 1)
    await rest()
    expect(peer.frames[0]!.id).toBe(3)
    expect(flushed).toBe(2)
  })
})

describe('memory', () => {
  test('is used again only when it has left: what is decoded is what was sent', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            connection: fc.integer({ min: 0, max: 2 }),
            kind: fc.constantFrom('small' as const, 'body' as const),
            bytes: fc.oneof(
              fc.integer({ min: 0, max: 300 }),
              fc.integer({ min: 0, max: 30_000 }),
              fc.constantFrom(65_536, 65_500),
            ),
            turn: fc.boolean(),
            hold: fc.constantFrom('hold' as const, 'release' as const, undefined, undefined),
          }),
          { maxLength: 80 },
        ),
        async steps => {
          // Three connections share their slabs, as those of a process do.
          const slabs = new SlabPool()
          const ends = [0, 1, 2].map(() => {
            const [transport, other] = transportPair({ cut: () => 3_000 })
            return {
              transport,
              queue: new SendQueue(transport, slabs),
              peer: new RawPeer(other),
              sent: new Map<number, Buffer>(),
            }
          })
          for (const [index, { connection, kind, bytes, turn, hold }] of steps.entries()) {
            const { transport, queue, sent } = ends[connection]!
            const body = Buffer.alloc(bytes, index + 1)
            sent.set(index, Buffer.from(body))
            if (hold === 'hold') transport.hold()
            if (hold === 'release') transport.release()
            if (kind === 'small') {
              queue.small(response, 0, index, EMPTY, body)
              // It was copied.
              body.fill(0xdd)
            } else queue.body(response, 0, index, EMPTY, body, () => body.fill(0xdd))
            if (turn) await rest()
          }
          for (const { transport, peer, sent } of ends) {
            transport.release()
            await peer.until(() => peer.frames.length === sent.size)
            for (const { id, body } of peer.frames) expect(body.equals(sent.get(id)!)).toBe(true)
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  test('of small frames is taken from the machine once and used again and again', () => {
    const slabs = new SlabPool()
    const memories = new Set<Buffer>()
    for (let i = 0; i < 1_000; i++) {
      const slab = slabs.withRoom(4_000)
      memories.add(slab.memory)
      slab.used += 4_000
      slab.holders++
      slabs.release(slab)
    }
    expect(memories.size).toBeLessThanOrEqual(2)
  })

  test('of everything is given back when the queue closes, sent or not', async () => {
    const { queue, transport } = setup()
    transport.hold()
    const flushed: number[] = []
    for (let id = 0; id < 10; id++) queue.body(response, 0, id, EMPTY, Buffer.alloc(MIB), () => flushed.push(id))
    await rest()
    queue.close()
    queue.body(response, 0, 10, EMPTY, Buffer.alloc(MIB), () => flushed.push(10))
    transport.sever()
    await rest()
    expect(flushed.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(queue.backlog).toBeLessThan(MIB)
  })
})
