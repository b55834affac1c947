import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NEEDLE, textOf } from './pipeline/text.ts'
import { KEYS, Pairs, writeSigned } from './reduce/pairs.ts'
import { bordersOf, prefixOf, RECORD_BYTES, RecordDigest, Records } from './sort/records.ts'

test('integers of 64 bits are written as BigInt writes them', () => {
  const into = Buffer.alloc(30)
  const integer = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -(2n ** 34n), max: 2n ** 34n }),
    fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n, 0n, -1n, 10n ** 9n, -(10n ** 18n), 2n ** 32n, -(2n ** 32n)),
  )
  fc.assert(
    fc.property(integer, value => {
      const low = Number(BigInt.asUintN(32, value))
      const end = writeSigned(into, 3, Number(value >> 32n), low)
      expect(into.toString('latin1', 3, end)).toBe(String(value))
    }),
    { numRuns: 5_000 },
  )
})

test('pairs are lines with 1,024 keys and values on both sides of zero, the same ones for the same seed', () => {
  const fill = (seed: number): string => {
    const into = Buffer.alloc(1 << 20)
    return into.toString('latin1', 0, new Pairs(seed).fill(into))
  }
  const text = fill(1)
  expect(text.length).toBeGreaterThan((1 << 20) - 30)
  const pairs = text
    .trimEnd()
    .split('\n')
    .map(line => line.split(','))
  expect(new Set(pairs.map(([key]) => key)).size).toBe(KEYS)
  expect(pairs.every(([key, value]) => Number(key) < KEYS && BigInt.asIntN(64, BigInt(value!)) === BigInt(value!))).toBe(true)
  const shares = [pairs.filter(([, value]) => value!.startsWith('-')), pairs.filter(([, value]) => value!.length > 18)]
  for (const { length } of shares.slice(0, 1)) expect(length / pairs.length).toBeCloseTo(0.5, 1)
  expect(shares[1]!.length / pairs.length).toBeGreaterThan(0.9)
  expect(fill(1)).toBe(text)
  expect(fill(2)).not.toBe(text)
})

test('about one line in four hundred of the text matches, and less than 0.25 % of its bytes', () => {
  const lines = textOf(3, 4 << 20)
    .toString()
    .trimEnd()
    .split('\n')
  const matching = lines.filter(line => line.includes(NEEDLE))
  expect(matching.length / lines.length).toBeCloseTo(0.0024, 4)
  const bytes = (some: readonly string[]): number => some.join('\n').length
  expect(bytes(matching) / bytes(lines)).toBeLessThan(0.0025)
})

function records(worker: number, count: number): Buffer {
  const into = Buffer.alloc(count * RECORD_BYTES)
  new Records(worker).fill(into)
  return into
}

function digestOf(...parts: readonly Buffer[]): RecordDigest {
  const digest = new RecordDigest()
  for (const part of parts) digest.add(part)
  return digest
}

function sorted(bytes: Buffer): Buffer {
  const each = Array.from({ length: bytes.length / RECORD_BYTES }, (_, at) =>
    bytes.subarray(at * RECORD_BYTES, (at + 1) * RECORD_BYTES),
  )
  return Buffer.concat(each.sort((a, b) => a.compare(b)))
}

test('records are lines of 100 bytes, no two of them the same, and their digest tells order and what is missing', () => {
  const bytes = Buffer.concat([records(0, 500), records(1, 500)])
  const lines = bytes.toString('latin1').trimEnd().split('\n')
  expect(new Set(lines).size).toBe(1_000)
  expect(lines.every(line => line.length === RECORD_BYTES - 1)).toBe(true)
  const unsorted = digestOf(bytes)
  expect(unsorted.ordered).toBe(false)
  const all = digestOf(sorted(bytes))
  expect(all.ordered).toBe(true)
  expect(all.multiset).toBe(unsorted.multiset)
  expect(all.multiset).toMatch(/^1000 records, checksum [0-9a-f]{16}$/)
  expect(digestOf(bytes.subarray(RECORD_BYTES)).multiset).not.toBe(all.multiset)
  // One twice in place of another.
  expect(digestOf(bytes.subarray(RECORD_BYTES), bytes.subarray(RECORD_BYTES, 2 * RECORD_BYTES)).multiset).not.toBe(all.multiset)
  const changed = Buffer.from(bytes)
  changed[50]! ^= 1
  expect(digestOf(changed).multiset).not.toBe(all.multiset)
})

test('borders from a sample divide records into ranges of about the same size', () => {
  const bytes = records(7, 20_000)
  const prefixes = Array.from({ length: 20_000 }, (_, at) => prefixOf(bytes, at * RECORD_BYTES))
  const borders = bordersOf(prefixes.slice(0, 1_000), 4)
  expect(borders).toEqual(borders.toSorted((a, b) => a - b))
  for (const [at, border] of borders.entries()) {
    expect(prefixes.filter(prefix => prefix < border).length / 20_000).toBeCloseTo((at + 1) / 4, 1)
  }
  expect(bordersOf(prefixes, 1)).toEqual([])
})
