import { expect, test } from 'vitest'
import { runPipeline } from './pipeline/command.ts'
import { runReduce } from './reduce/command.ts'
import { runSort } from './sort/command.ts'

const MIB = 1 << 20
const quiet = (): void => {}
const positive = expect.toSatisfy((value: unknown) => typeof value === 'number' && value > 0)
const count = expect.toSatisfy((value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0)
const figures = (...phases: string[]): object => ({
  seconds: positive,
  phases: Object.fromEntries(phases.map(phase => [phase, positive])),
  bytesMoved: count,
  ingestedBytes: count,
  storedPeakBytes: count,
  cpuSeconds: expect.anything(),
})

test('pipeline gives the same both ways, and near-data ingests next to nothing', async () => {
  const { comparison } = await runPipeline({ workers: 2, bandwidth: null, rounds: 1, workerBytes: 2 * MIB }, quiet)
  const expected = { workers: 2, workerBandwidth: null, dataShipping: figures('count'), nearData: figures('count') }
  expect(JSON.parse(JSON.stringify(comparison))).toEqual(expected)
  expect(comparison.nearData.ingestedBytes).toBeLessThan(0.0025 * comparison.dataShipping.ingestedBytes)
})

test('reduce gives the same both ways, with half of the bytes moved and next to none stored; a link slows it down', async () => {
  const bandwidth = 10
  const { comparison, bound } = await runReduce({ workers: 2, bandwidth, rounds: 1, workerBytes: MIB }, quiet)
  const way = figures('emit', 'merge')
  expect(JSON.parse(JSON.stringify(comparison))).toEqual({ workers: 2, workerBandwidth: 10, dataShipping: way, nearData: way })
  const { dataShipping, nearData } = comparison
  expect(dataShipping.bytesMoved / dataShipping.ingestedBytes).toBeCloseTo(2, 2)
  expect(nearData.bytesMoved / dataShipping.bytesMoved).toBeLessThan(0.52)
  expect(dataShipping.storedPeakBytes).toBeGreaterThanOrEqual(2 * MIB)
  expect(nearData.storedPeakBytes).toBeLessThan(40_000)
  // One worker reads what two have sent at the same time; ten milliseconds of each direction are free.
  const least = (bytes: number): number => bytes / (bandwidth * 1e6) - 0.01
  expect(dataShipping.phases['merge']).toBeGreaterThan(least(2 * MIB - 256 * 1024) - 0.01)
  expect(bound).toBeGreaterThan(0.5)
  expect(bound).toBeLessThan(1)
})

test('sort gives the same both ways with half of the bytes moved, also where sorters have to spill', async () => {
  const sizes = { workers: 2, bandwidth: null, rounds: 1, records: 20_000, sorterBytes: 512 * 1024 }
  const comparison = await runSort(sizes, quiet)
  const way = figures('P1', 'P2')
  expect(JSON.parse(JSON.stringify(comparison))).toEqual({ workers: 2, workerBandwidth: null, dataShipping: way, nearData: way })
  const { dataShipping, nearData } = comparison
  expect(nearData.bytesMoved / dataShipping.bytesMoved).toBeLessThan(0.53)
  expect(dataShipping.storedPeakBytes).toBeGreaterThan(2 * 20_000 * 100)
})
