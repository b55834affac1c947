import { InvalidArgumentError } from 'commander'
import { expect, test } from 'vitest'
import { countFrom } from '../count.ts'
import { parseBenchmark } from '../redis/redis-server.ts'
import { jsonOf, type Results, ratio, tableOf } from './report.ts'

const rates = {
  echo: 1000.4,
  lookup: 600,
  stat: 590,
  create: 400,
  createJournaled: 240,
  rename: 380,
  delete: 390,
  inlinePut: 450,
  inlineGet: 640,
}
const unjournaled = Object.fromEntries(Object.entries(rates).filter(([name]) => name !== 'createJournaled'))
const results: Results = {
  rates,
  oneInFlight: { ...rates, echo: 100 },
  rest: { create: 40, lookup: 50 },
  heapBytesPerNode: 322.4,
  redis: { ioredisPut: 300, ioredisGet: 320, benchmarkPut: 900, benchmarkGet: 1280 },
}

test('a ratio is undefined where one of its two was not measured', () => {
  expect(ratio(1, 4)).toBe(0.25)
  expect(ratio(undefined, 4)).toBeUndefined()
  expect(ratio(1, undefined)).toBeUndefined()
})

test('the JSON has every figure in whole operations per second, and the ratios to Redis', () => {
  expect(jsonOf(results)).toEqual({
    metadata: {
      ...rates,
      echo: 1000,
      oneInFlight: { ...rates, echo: 100 },
      rest: { create: 40, lookup: 50 },
      heapBytesPerNode: 322,
      redis: { ioredisPut: 300, ioredisGet: 320, benchmarkPut: 900, benchmarkGet: 1280, putRatio: 1.5, getRatio: 2 },
    },
  })
})

test('the JSON has null for what was not measured', () => {
  const { metadata } = jsonOf({ ...results, rates: unjournaled, heapBytesPerNode: undefined, redis: undefined })
  expect(metadata).toMatchObject({ createJournaled: null, heapBytesPerNode: null, redis: null })
})

test('the table shows each figure beside its share of the echo and what is to be reached', () => {
  const lines = tableOf(results)
  const lineOf = (name: string): string => lines.find(line => line.startsWith(name)) ?? ''
  expect(lineOf('lookup')).toMatch(/ 600 +0\.60 +600 +0\.5 of echo$/)
  expect(lineOf('createJournaled')).toMatch(/ 240 +0\.24 +240 +0\.5 of create: 0\.60$/)
  expect(lineOf('ioredis put')).toMatch(/ 300 +1\.50 +1\.5$/)
  expect(lineOf('benchmark get')).toMatch(/ 1,280 +0\.50$/)
  expect(lineOf('memory')).toMatch(/ 322 B\/node +at most 700$/)
})

test('the table says where something was not measured, and that Redis is not installed', () => {
  const lines = tableOf({ ...results, rates: unjournaled, oneInFlight: {}, heapBytesPerNode: undefined, redis: undefined })
  expect(lines.find(line => line.startsWith('createJournaled'))).toMatch(/ - +- +0\.5 of create: not measured$/)
  expect(lines.find(line => line.startsWith('Redis'))).toMatch(/ not installed$/)
  expect(lines.join('\n')).not.toMatch(/memory/)
})

test('an option takes whole numbers from its least one on', () => {
  expect(countFrom(10)('10')).toBe(10)
  for (const text of ['9', '-10', '1e2', '10.5', '', 'many', '99999999999999999999']) {
    expect(() => countFrom(10)(text)).toThrow(InvalidArgumentError)
  }
})

test('what redis-benchmark says is read', () => {
  const csv = '"test","rps","avg_latency_ms"\n"SET","376813.88","0.087"\n"GET","345564.62","0.143"\n'
  expect(parseBenchmark('set', csv)).toBe(376813.88)
  expect(parseBenchmark('get', csv)).toBe(345564.62)
  expect(() => parseBenchmark('get', '"test","rps"\n"SET","1.00"\n')).toThrow(/GET/)
})
