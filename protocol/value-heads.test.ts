import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { catalogue } from './catalogue.ts'
import { isBinary } from './json-heads.ts'

const { put, get } = catalogue
const name = fc.string({ unit: 'grapheme', maxLength: 60 })
const node = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const target = fc.oneof(fc.record({ path: name }), fc.record({ node, key: name }))
const numbers = fc.record({ sequence: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), acknowledged: fc.nat() })

describe('the binary head of put and get', () => {
  test('says the same as the one in JSON', () => {
    fc.assert(
      fc.property(
        target,
        fc.option(numbers, { nil: undefined }),
        fc.option(fc.nat(256), { nil: undefined }),
        (head, n, blocks) => {
          const bytes = put.encodeHead(head, n)
          expect(isBinary(bytes)).toBe(true)
          expect(put.decodeHead(bytes)).toEqual(put.parseHead({ ...head, ...n }))
          const asked = blocks === undefined ? head : { ...head, blocks }
          expect(isBinary(get.encodeHead(asked))).toBe(true)
          expect(get.decodeHead(get.encodeHead(asked))).toEqual(get.parseHead(asked))
        },
      ),
    )
  })

  test('is in JSON where more is asked for, or what makes no sense', () => {
    const heads = [
      { path: '/a', parents: true },
      { path: '/a', near: '/b' },
      { path: '/a', storageClass: 'dram' },
      { node: 1 },
      {},
    ]
    for (const head of heads) {
      const bytes = put.encodeHead(head, { sequence: 7, acknowledged: 6 })
      expect(JSON.parse(bytes.toString())).toEqual({ ...head, sequence: 7, acknowledged: 6 })
      expect(put.decodeHead(bytes)).toEqual({ ...head, sequence: 7, acknowledged: 6 })
    }
    expect(isBinary(get.encodeHead({ path: '/a', node: 1 }))).toBe(false)
    expect(() => get.decodeHead(get.encodeHead({ path: '/a', blocks: 257 }))).toThrow('blocks')
  })

  test('has this form', () => {
    const bytes = put.encodeHead({ node: 2, key: 'é' }, { sequence: 3, acknowledged: 1 })
    expect(bytes.toString('hex')).toBe(
      ['02', '0000', '0000000000000840', '000000000000f03f', '0000000000000040', 'c3a9'].join(''),
    )
    expect(get.encodeHead({ path: '/a', blocks: 64 }).toString('hex')).toBe(`014100${'00'.repeat(24)}2f61`)
  })

  test('is refused where it is cut short, or has what cannot be', () => {
    const whole = put.encodeHead({ node: 2, key: 'k' }, { sequence: 3, acknowledged: 1 })
    const wrong = (change: (bytes: Buffer) => void): Buffer => {
      const bytes = Buffer.from(whole)
      change(bytes)
      return bytes
    }
    const heads = [
      whole.subarray(0, 26),
      wrong(bytes => bytes.writeUInt8(3, 0)),
      wrong(bytes => bytes.writeUInt16LE(5, 1)),
      wrong(bytes => bytes.writeDoubleLE(1.5, 3)),
      wrong(bytes => bytes.writeDoubleLE(-1, 11)),
      wrong(bytes => bytes.writeDoubleLE(Number.NaN, 19)),
      wrong(bytes => bytes.writeDoubleLE(2 ** 53, 19)),
    ]
    for (const head of heads) expect(() => put.decodeHead(head)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    expect(() => get.decodeHead(wrong(bytes => bytes.writeUInt16LE(258, 1)))).toThrow('blocks')
  })
})

describe('the answer to it', () => {
  test('is binary for whoever asked so, and in JSON for others', () => {
    for (const stored of [true, false]) {
      const answer = { stored, inlineBytes: 4096 }
      expect(put.encodeAnswer(answer, true)).toHaveLength(5)
      for (const binary of [true, false]) expect(put.decodeAnswer(put.encodeAnswer(answer, binary))).toEqual(answer)
      expect(JSON.parse(put.encodeAnswer(answer, false).toString())).toEqual(answer)
    }
    expect(get.encodeAnswer({}, true)).toHaveLength(0)
    expect(get.decodeAnswer(get.encodeAnswer({}, true))).toEqual({})
    expect(get.encodeAnswer({}, false).toString()).toBe('{}')
  })

  test('is refused where it cannot be read', () => {
    for (const bytes of [Buffer.from([2, 0, 0, 0, 0]), Buffer.from([1, 0])]) {
      expect(() => put.decodeAnswer(bytes)).toThrow(expect.objectContaining({ code: 'PROTOCOL_ERROR' }))
    }
    expect(() => get.decodeAnswer(Buffer.from([1]))).toThrow(expect.objectContaining({ code: 'PROTOCOL_ERROR' }))
  })
})

test('numbers go behind the fields of a head in JSON', () => {
  const numbered = { sequence: 9, acknowledged: 8 }
  expect(JSON.parse(catalogue.create.encodeHead({ path: '/a"}', type: 'file' }, numbered).toString())).toEqual({
    path: '/a"}',
    type: 'file',
    ...numbered,
  })
  expect(JSON.parse(catalogue.delete.encodeHead({}, numbered).toString())).toEqual(numbered)
})
