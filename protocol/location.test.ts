import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { catalogue } from './catalogue.ts'
import { compareGenerations } from './generation.ts'
import { noGrant } from './grant.ts'
import {
  encodeLocation,
  INCARNATION_BYTES,
  LOCATION_BYTES,
  type Location,
  type Purpose,
  proofOf,
  purpose,
  readLocation,
  sign,
  verifyProof,
  writeLocation,
} from './location.ts'

const KEY = Buffer.alloc(32, 3)
const six = fc.integer({ min: 0, max: 2 ** 48 - 1 })
const unsigned = fc.record({
  incarnation: fc.uint8Array({ minLength: 9, maxLength: 9 }).map(bytes => Buffer.from(bytes).toString('base64url')),
  block: fc.integer({ min: 0, max: 0xffff_ffff }),
  generation: fc.record({ epoch: six, counter: six }),
  purpose: fc.constantFrom<Purpose>('read', 'write', 'action'),
  grant: fc.record({ namespace: six, token: six }),
})

describe('a location', () => {
  test('reads back from its bytes as it was, at any position', () => {
    fc.assert(
      fc.property(unsigned, fc.nat({ max: 9 }), (location, at) => {
        const signed = sign(location, KEY)
        const bytes = Buffer.alloc(at + LOCATION_BYTES + 3, 0xaa)
        writeLocation(signed, bytes, at)
        expect(readLocation(bytes, at)).toEqual(signed)
        expect(bytes.subarray(at + LOCATION_BYTES).equals(Buffer.alloc(3, 0xaa))).toBe(true)
        verifyProof(readLocation(bytes, at), KEY)
      }),
    )
  })

  test('is proved by its key for exactly what it says', () => {
    fc.assert(
      fc.property(unsigned, unsigned, (one, other) => {
        fc.pre(
          encodeLocation({ ...one, proof: Buffer.alloc(16) }).compare(encodeLocation({ ...other, proof: Buffer.alloc(16) })) !==
            0,
        )
        expect(() => verifyProof({ ...other, proof: proofOf(one, KEY) }, KEY)).toThrow(
          expect.objectContaining({ code: 'FORBIDDEN' }),
        )
        expect(() => verifyProof(sign(one, Buffer.alloc(32, 4)), KEY)).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }))
      }),
    )
  })

  test('cut short, or with an unknown purpose, is a PROTOCOL_ERROR', () => {
    const bytes = encodeLocation(
      sign({ incarnation: 'AbCdEfGhIjKl', block: 1, generation: { epoch: 1, counter: 1 }, purpose: 'read', grant: noGrant }, KEY),
    )
    for (let length = 0; length < LOCATION_BYTES; length++) {
      expect(() => readLocation(bytes.subarray(0, length))).toThrow(expect.objectContaining({ code: 'PROTOCOL_ERROR' }))
    }
    for (const code of [0, 4, 255]) {
      const changed = Buffer.from(bytes)
      changed[28] = code
      expect(() => readLocation(changed)).toThrow('unknown purpose')
    }
    expect(Object.values(purpose)).toEqual([1, 2, 3])
  })

  test('of an incarnation that does not fill its place is never written', () => {
    const location: Omit<Location, 'proof'> = {
      incarnation: 'short',
      block: 1,
      generation: { epoch: 1, counter: 1 },
      purpose: 'read',
      grant: noGrant,
    }
    expect(() => sign(location, KEY)).toThrow('incarnation')
    expect(INCARNATION_BYTES).toBe(12)
  })

  test('as text fits the field of the catalogue, and nothing shorter or longer does', () => {
    const text = Buffer.alloc(LOCATION_BYTES, 1).toString('base64url')
    expect(catalogue.readAction.parseHead({ location: text })).toEqual({ location: text })
    for (const wrong of [text.slice(1), `${text}A`, ''])
      expect(() => catalogue.readAction.parseHead({ location: wrong })).toThrow('location')
  })
})

test('generations are ordered by epoch, then by counter', () => {
  fc.assert(
    fc.property(unsigned, unsigned, ({ generation: a }, { generation: b }) => {
      const order = a.epoch === b.epoch ? Math.sign(a.counter - b.counter) : Math.sign(a.epoch - b.epoch)
      expect(Math.sign(compareGenerations(a, b))).toBe(order)
    }),
  )
})
