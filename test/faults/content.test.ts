import { expect, test } from 'vitest'
import { allContent, contentOf, wholeContent } from './content.ts'

const NAME = '/a/file'
const bytes = contentOf(NAME, 3, 100_001)

test('content is known again, with its version and length', () => {
  expect(wholeContent(NAME, bytes)).toEqual({ version: 3, length: 100_001 })
  expect(wholeContent(NAME, contentOf(NAME, 1, 0))).toEqual({ version: 1, length: 16 })
})

test('a byte that is wrong, wherever it is, shows', () => {
  for (const at of [0, 5, 9, 13, 16, 50_000, 100_000]) {
    const wrong = Buffer.from(bytes)
    wrong[at]! ^= 1
    expect(() => wholeContent(NAME, wrong), `byte ${at}`).toThrow(NAME)
  }
})

test('what is cut off, goes on, is of another name, or has its pieces in another order shows', () => {
  for (const length of [0, 10, 16, 50_000, 100_000]) expect(() => wholeContent(NAME, bytes.subarray(0, length))).toThrow(NAME)
  expect(() => wholeContent(NAME, Buffer.concat([bytes, bytes.subarray(0, 1)]))).toThrow('100002 are there')
  expect(() => wholeContent('/a/fill', bytes)).toThrow('no head')
  const swapped = Buffer.concat([bytes.subarray(0, 40_000), bytes.subarray(44_000, 48_000), bytes.subarray(44_000)])
  expect(() => wholeContent(NAME, swapped)).toThrow('wrong from byte')
})

test('pieces one behind the other are told apart', () => {
  const pieces = [4, 7, 2].map(version => contentOf(NAME, version, 1_000 + version))
  expect(allContent(NAME, Buffer.concat(pieces)).map(({ version }) => version)).toEqual([4, 7, 2])
  expect(() => allContent(NAME, Buffer.concat(pieces).subarray(0, -1))).toThrow('are there')
})
