import { expect, it } from 'vitest'
import { wholeHead, wholeOptions } from './action-heads.ts'
import { catalogue } from './catalogue.ts'
import { LOCATION_BYTES } from './location.ts'
import { hasOrigin, originFields } from './origin.ts'

const location = Buffer.alloc(LOCATION_BYTES, 7)
const parse = (value: unknown) => catalogue.writeActionWhole.parseHead(value)

it('of what nobody waits for and nobody follows there is nothing in a head', () => {
  expect(hasOrigin({ chain: [] })).toBe(false)
  expect(originFields({ chain: [] })).toEqual({})
  expect(wholeHead(location, { key: undefined, chain: [], operation: undefined })).toBe(location)
  expect(wholeOptions(location, parse)).toEqual({})
})

it('comes back from a head as it was', () => {
  for (const origin of [{ chain: ['a', 'b'] }, { operation: 'c-1' }, { key: 'k', chain: ['a'], operation: 'c-1' }])
    expect(wholeOptions(wholeHead(location, origin), parse)).toEqual(origin)
})

it('an id has at most 64 visible characters', () => {
  for (const operation of ['', 'x'.repeat(65), 'with space', 'line\n', 'ü'])
    expect(() => parse({ operation })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  expect(parse({ operation: 'x'.repeat(64) })).toEqual({ operation: 'x'.repeat(64) })
})
