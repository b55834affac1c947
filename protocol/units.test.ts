import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatSize, parseDuration, parseSize } from './units.ts'

describe('a size', () => {
  test.each<[string | number, number]>([
    ['64MiB', 64 << 20],
    ['1.5GB', 1.5e9],
    ['4096', 4096],
    ['0', 0],
    [' 2 KiB ', 2048],
    ['7B', 7],
    [12_345, 12_345],
    ['0.5KiB', 512],
  ])('is read: %j', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes)
  })

  test.each([
    '',
    'MiB',
    '-1',
    '1mib',
    '1 TiB',
    '1e3',
    '0x10',
    '1,5MB',
    'NaN',
    '9999999GiB',
    '5constructor',
    -1,
    Number.NaN,
    Infinity,
  ])('is not what makes no sense: %j', text => {
    expect(() => parseSize(text)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('64MiB') }),
    )
  })

  test('that is none is told the units that there are', () => {
    expect(() => parseSize('100TiB')).toThrow('in B, KB, MB, GB, KiB, MiB or GiB')
    expect(() => parseDuration('1d')).toThrow('in ms, s, m or h')
  })

  test('of any whole number is that number, as text too', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), bytes => {
        expect(parseSize(bytes)).toBe(bytes)
        expect(parseSize(String(bytes))).toBe(bytes)
      }),
    )
  })

  test('for people reads back as about what it was', () => {
    expect([0, 1023, 1024, 1536, 64 << 20, 3 * 2 ** 40].map(formatSize)).toEqual([
      '0 B',
      '1023 B',
      '1.0 KiB',
      '1.5 KiB',
      '64.0 MiB',
      '3072.0 GiB',
    ])
    fc.assert(
      fc.property(fc.integer({ min: 1024, max: 2 ** 45 }), bytes => {
        expect(Math.abs(parseSize(formatSize(bytes)) - bytes) / bytes).toBeLessThan(0.06)
      }),
    )
  })
})

describe('a time', () => {
  test.each<[string | number, number]>([
    ['10s', 10_000],
    ['250ms', 250],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['1.5 s', 1_500],
    [30, 30],
  ])('is read: %j', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  test.each(['10', 's', '10sec', '-5s', ''])('is not what has no unit, or makes no sense: %j', text => {
    expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })
})
