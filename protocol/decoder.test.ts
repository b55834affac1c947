import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dropped, FrameDecoder, type FrameReceiver, type Landing } from './decoder.ts'
import { encodeFrame, type FrameHeader, type FrameKind, frameKind, HEADER_BYTES } from './frame.ts'

interface Seen {
  readonly kind: number
  readonly operation: number
  readonly id: number
  readonly head: string
  readonly body: string
}

type Places = 'all' | 'none' | 'some' | 'dropped'

/** Gives every other body a place, with room to spare, and notes what it is told. */
class Recorder implements FrameReceiver {
  readonly seen: Seen[] = []
  readonly #places: Places
  readonly #place: Buffer[] = []

  constructor(places: Places) {
    this.#places = places
  }

  place(header: FrameHeader, head: Buffer): Landing {
    expect(head.length).toBe(header.headBytes)
    if (this.#places === 'dropped') return dropped
    if (this.#places === 'none' || (this.#places === 'some' && header.id % 2 === 0)) return undefined
    const memory = Buffer.alloc(header.bodyBytes + 8, 0xaa)
    this.#place.push(memory)
    return memory
  }

  frame(header: FrameHeader, head: Buffer, body: Buffer, placed: boolean): void {
    const { kind, operation, id, bodyBytes } = header
    expect(body.length).toBe(this.#places === 'dropped' ? 0 : bodyBytes)
    if (placed) {
      const memory = this.#place.pop()!
      expect(body.buffer).toBe(memory.buffer)
      expect(memory.subarray(bodyBytes).every(byte => byte === 0xaa)).toBe(true)
    }
    this.seen.push({ kind, operation, id, head: head.toString('hex'), body: body.toString('hex') })
  }
}

const frames = fc.array(
  fc.record({
    kind: fc.constantFrom(frameKind.request, frameKind.response, frameKind.data),
    operation: fc.integer({ min: 0, max: 65_535 }),
    id: fc.integer({ min: 0, max: 0xffff_ffff }),
    head: fc.uint8Array({ maxLength: 40 }),
    bodyBytes: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 0, max: 60 }) }, fc.integer({ min: 16_000, max: 40_000 })),
  }),
  { maxLength: 8 },
)
type Frames = typeof frames extends fc.Arbitrary<infer T> ? T : never

function encodeAll(list: Frames): { bytes: Buffer; expected: Seen[] } {
  const expected: Seen[] = []
  const parts = list.map(({ kind, operation, id, head, bodyBytes }, index) => {
    const body = Buffer.from(Array.from({ length: bodyBytes }, (_unused, at) => (at * 7 + index) & 255))
    expected.push({ kind, operation, id, head: Buffer.from(head).toString('hex'), body: body.toString('hex') })
    return encodeFrame(kind, operation, id, head, body)
  })
  return { bytes: Buffer.concat(parts), expected }
}

/** Lends `bytes` to a call, and spoils them after it. */
function lend(bytes: Buffer, call: (chunk: Buffer) => void): void {
  const lent = Buffer.from(bytes)
  call(lent)
  lent.fill(0xee)
}

const cuts = fc.infiniteStream(
  fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 40 }) }, fc.integer({ min: 1, max: 20_000 })),
)
const places = fc.constantFrom('all' as const, 'none' as const, 'some' as const, 'dropped' as const)

describe('a sequence of frames', () => {
  test('cut anywhere decodes to the same sequence', () => {
    fc.assert(
      fc.property(frames, cuts, places, (list, sizes, where) => {
        const { bytes, expected } = encodeAll(list)
        const recorder = new Recorder(where)
        const decoder = new FrameDecoder(recorder)
        for (let at = 0; at < bytes.length; ) {
          const size = sizes.next().value
          lend(bytes.subarray(at, at + size), chunk => decoder.push(chunk))
          at += size
        }
        expect(recorder.seen).toEqual(where === 'dropped' ? expected.map(one => ({ ...one, body: '' })) : expected)
      }),
      { numRuns: 400 },
    )
  })

  test('decodes to the same sequence when bodies land in place, in whole or in part', () => {
    fc.assert(
      fc.property(frames, cuts, places, fc.infiniteStream(fc.boolean()), (list, sizes, where, choices) => {
        const { bytes, expected } = encodeAll(list)
        const recorder = new Recorder(where)
        const decoder = new FrameDecoder(recorder)
        for (let at = 0; at < bytes.length; ) {
          const size = sizes.next().value
          const landing = choices.next().value ? decoder.landing() : undefined
          if (landing) {
            const take = Math.min(size, landing.length, bytes.length - at)
            landing.set(bytes.subarray(at, at + take))
            decoder.landed(take)
            at += take
          } else {
            lend(bytes.subarray(at, at + size), chunk => decoder.push(chunk))
            at += size
          }
        }
        expect(recorder.seen).toEqual(where === 'dropped' ? expected.map(one => ({ ...one, body: '' })) : expected)
      }),
      { numRuns: 400 },
    )
  })

  test('decodes to the same sequence byte by byte', () => {
    const { bytes, expected } = encodeAll([
      { kind: frameKind.request, operation: 1, id: 1, head: Uint8Array.of(1, 2, 3), bodyBytes: 5 },
      { kind: frameKind.request, operation: 2, id: 3, head: new Uint8Array(), bodyBytes: 0 },
      { kind: frameKind.data, operation: 0, id: 2, head: new Uint8Array(), bodyBytes: 3 },
    ])
    const recorder = new Recorder('some')
    const decoder = new FrameDecoder(recorder)
    for (const byte of bytes) lend(Buffer.of(byte), chunk => decoder.push(chunk))
    expect(recorder.seen).toEqual(expected)
  })
})

describe('a decoder', () => {
  const nothing: FrameReceiver = { place: () => undefined, frame: () => undefined }

  test('refuses a header as soon as it is whole, before memory is taken for it', () => {
    let asked = 0
    const decoder = new FrameDecoder({ place: () => void asked++, frame: () => undefined })
    const huge = Buffer.alloc(HEADER_BYTES)
    huge.writeUInt32LE(0xffff_ffff, 0)
    huge[4] = frameKind.data
    expect(() => decoder.push(huge)).toThrow('over the limit')
    expect(asked).toBe(0)
  })

  test('refuses to write beyond a place that is too small', () => {
    const neighbour = Buffer.alloc(20)
    const decoder = new FrameDecoder({ ...nothing, place: () => neighbour.subarray(0, 5) })
    const frame = encodeFrame(frameKind.data, 0, 1, Buffer.alloc(0), Buffer.alloc(10, 1))
    expect(() => decoder.push(frame.subarray(0, 20))).toThrow('fits into')
    expect(neighbour.every(byte => byte === 0)).toBe(true)
  })

  test('asks for a read of its own only where much of a body is to come', () => {
    const decoder = new FrameDecoder(nothing)
    const frame = encodeFrame(frameKind.data, 0, 1, Buffer.alloc(0), Buffer.alloc(20_000))
    decoder.push(frame.subarray(0, 17))
    expect(decoder.landing()?.length).toBe(19_999)
    decoder.push(frame.subarray(17, 10_017))
    expect(decoder.landing()).toBeUndefined()
  })

  test('that was stopped drops what still arrives, also in the middle of a body', () => {
    const kinds: FrameKind[] = []
    const decoder = new FrameDecoder({ ...nothing, frame: ({ kind }) => void kinds.push(kind) })
    const frame = encodeFrame(frameKind.data, 0, 1, Buffer.alloc(0), Buffer.alloc(20_000))
    decoder.push(frame.subarray(0, 100))
    decoder.stop()
    expect(decoder.landing()).toBeUndefined()
    decoder.landed(19_900)
    decoder.push(frame.subarray(100))
    decoder.push(frame)
    expect(kinds).toEqual([])
  })

  test('stopped by the receiver of a frame tells nothing of those behind it', () => {
    const ids: number[] = []
    const decoder: FrameDecoder = new FrameDecoder({
      ...nothing,
      frame({ id }) {
        ids.push(id)
        decoder.stop()
      },
    })
    const one = encodeFrame(frameKind.ping, 0, 1, Buffer.alloc(0), Buffer.alloc(0))
    decoder.push(Buffer.concat([one, one]))
    expect(ids).toEqual([1])
  })
})
