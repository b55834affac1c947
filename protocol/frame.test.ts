import { describe, expect, test } from 'vitest'
import { readHead, writeHead } from './block-operations.ts'
import { GliderError } from './errors.ts'
import { describeFrame, encodeFrame, type FrameHeader, type FrameKindName, frameKind, headerDefect, readHeader } from './frame.ts'
import { encodeError } from './heads.ts'
import { encodeLocation, LOCATION_BYTES } from './location.ts'

const EMPTY = Buffer.alloc(0)

function header(change: Partial<FrameHeader>): FrameHeader {
  return { kind: frameKind.data, operation: 0, id: 1, headBytes: 0, bodyBytes: 0, ...change }
}

describe('the header', () => {
  test('is 16 bytes, little-endian, in the documented order', () => {
    const frame = encodeFrame(frameKind.request, 0x0203, 0x0405_0607, Buffer.from('head'), Buffer.from('body!'))
    expect(frame.toString('hex')).toBe('09000000 02 00 0302 07060504 04000000 68656164 626f647921'.replaceAll(' ', ''))
  })

  test('reads back as it was written', () => {
    const into = header({})
    readHeader(encodeFrame(frameKind.reset, 65_535, 0xffff_ffff, Buffer.alloc(3), Buffer.alloc(5)), 0, into)
    expect(into).toEqual({ kind: frameKind.reset, operation: 65_535, id: 0xffff_ffff, headBytes: 3, bodyBytes: 5 })
  })

  test.each([
    ['an unknown kind', { kind: 13 as never }, 'unknown frame kind 13'],
    ['a body where there is none', { kind: frameKind.ping, bodyBytes: 1 }, 'a body where there is none'],
    ['a hello over 16 KiB', { kind: frameKind.hello, headBytes: (16 << 10) + 1 }, 'over the limit of 16384'],
    ['kind zero', { kind: 0 as never }, 'unknown frame kind 0'],
    ['a head over 64 KiB', { headBytes: (64 << 10) + 1 }, 'over the limit of 65536'],
    ['a body over 1 MiB', { bodyBytes: (1 << 20) + 1 }, 'over the limit of 1048576'],
    ['a head longer than its payload', { headBytes: 5, bodyBytes: -1 }, 'longer than its payload'],
  ])('with %s makes no sense', (_what, change, why) => {
    expect(headerDefect(header(change))).toContain(why)
  })

  test('at its limits is sound', () => {
    expect(headerDefect(header({ headBytes: 64 << 10, bodyBytes: 1 << 20 }))).toBeUndefined()
  })

  test('has a line for logs', () => {
    expect(describeFrame(header({ kind: frameKind.credit, id: 7, headBytes: 16 }))).toBe('credit op=0 id=7 head=16 body=0')
  })
})

test.each<[FrameKindName, number, number, Buffer, Buffer, string]>([
  ['hello', 0, 0, Buffer.from('{}'), EMPTY, '02000000 01 00 0000 00000000 02000000 7b7d'],
  ['request', 2, 1, Buffer.from('{}'), EMPTY, '02000000 02 00 0200 01000000 02000000 7b7d'],
  ['response', 0, 1, EMPTY, Buffer.from([1, 2]), '02000000 03 00 0000 01000000 00000000 0102'],
  [
    'error',
    0,
    1,
    encodeError(new GliderError('BUSY', 'x')),
    EMPTY,
    `1d000000 04 00 0000 01000000 1d000000 ${Buffer.from('{"code":"BUSY","message":"x"}').toString('hex')}`,
  ],
  ['open', 50, 3, Buffer.from('{}'), EMPTY, '02000000 05 00 3200 03000000 02000000 7b7d'],
  ['data', 0, 3, EMPTY, Buffer.from([9]), '01000000 06 00 0000 03000000 00000000 09'],
  ['end', 0, 3, EMPTY, EMPTY, '00000000 07 00 0000 03000000 00000000'],
  ['reset', 0, 3, Buffer.from('{}'), EMPTY, '02000000 08 00 0000 03000000 02000000 7b7d'],
  [
    'credit',
    0,
    3,
    Buffer.from('0000000000001041000000000000f03f', 'hex'),
    EMPTY,
    '10000000 09 00 0000 03000000 10000000 0000000000001041000000000000f03f',
  ],
  ['ping', 0, 0, EMPTY, EMPTY, '00000000 0a 00 0000 00000000 00000000'],
  ['pong', 0, 0, EMPTY, EMPTY, '00000000 0b 00 0000 00000000 00000000'],
  ['goaway', 0, 0, EMPTY, EMPTY, '00000000 0c 00 0000 00000000 00000000'],
])('a %s frame keeps its bytes', (kind, operation, id, head, body, golden) => {
  expect(encodeFrame(frameKind[kind], operation, id, head, body).toString('hex')).toBe(golden.replaceAll(' ', ''))
})

describe('heads of block operations', () => {
  const location = encodeLocation({
    incarnation: 'AbCdEfGhIjKl',
    block: 0x0102_0304,
    generation: { epoch: 0x0a0b_0c0d_0e0f, counter: 5 },
    purpose: 'write',
    grant: { namespace: 7, token: 0x0101_0203_0405 },
    proof: Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex'),
  })
  const golden =
    '416243644566476849 6a4b6c 04030201 0f0e0d0c0b0a 050000000000 02 070000000000 050403020101 000102030405060708090a0b0c0d0e0f'.replaceAll(
      ' ',
      '',
    )

  test('a location keeps its bytes', () => {
    expect(location.toString('hex')).toBe(golden)
    expect(location.length).toBe(LOCATION_BYTES)
  })

  test('a write has an offset behind the location', () => {
    expect(writeHead(location, 0x11223344).toString('hex')).toBe(`${golden}44332211`)
  })

  test('a read has an offset and a length behind it', () => {
    expect(readHead(location, 1, 2).toString('hex')).toBe(`${golden}0100000002000000`)
  })
})
