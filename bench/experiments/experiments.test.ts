import { afterAll, beforeAll, expect, test } from 'vitest'
import { runPipeline } from './pipeline/command.ts'
import { runReduce } from './reduce/command.ts'
import { runSort } from './sort/command.ts'
import { Stage } from './stage.ts'

const MIB = 1 << 20
const BANDWIDTH = 50
const common = { workers: 2, workerBandwidth: BANDWIDTH }
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

let stage: Stage

beforeAll(async () => {
  stage = await Stage.start({ capacity: 256 * MIB }, 2, BANDWIDTH)
}, 60_000)

afterAll(() => stage[Symbol.asyncDispose]())

test('pipeline gives the same both ways, and near-data ingests next to nothing', async () => {
  const { comparison, told } = await runPipeline(stage, { rounds: 1, workerBytes: MIB / 2 }, quiet)
  const way = figures('count')
  expect(JSON.parse(JSON.stringify(comparison))).toEqual({ ...common, dataShipping: way, nearData: way })
  expect(comparison.nearData.ingestedBytes).toBeLessThan(0.004 * comparison.dataShipping.ingestedBytes)
  expect(told.inputBytes).toBe(comparison.dataShipping.ingestedBytes)
}, 30_000)

test('reduce gives the same both ways, with half of the bytes moved and next to none stored; a link slows it down', async () => {
  const { comparison, told } = await runReduce(stage, { rounds: 1, workerBytes: MIB }, quiet)
  const way = figures('emit', 'merge')
  expect(JSON.parse(JSON.stringify(comparison))).toEqual({ ...common, dataShipping: way, nearData: way })
  const { dataShipping, nearData } = comparison
  expect(dataShipping.bytesMoved / dataShipping.ingestedBytes).toBeCloseTo(2, 2)
  expect(nearData.bytesMoved / dataShipping.bytesMoved).toBeLessThan(0.52)
  expect(dataShipping.storedPeakBytes).toBeGreaterThanOrEqual(2 * MIB)
  expect(nearData.storedPeakBytes).toBeLessThan(40_000)
  // One worker reads what two have sent: all of it passes its link, but for the burst and the last piece.
  expect(dataShipping.phases['merge']).toBeGreaterThan((2 * MIB - 512 * 1024) / (BANDWIDTH * 1e6) - 0.01)
  expect(told.bound).toBeGreaterThan(0.5)
  expect(told.bound).toBeLessThan(1)
}, 30_000)

test('sort gives the same both ways with half of the bytes moved, also where sorters have to spill', async () => {
  const sorterBytes = 256 * 1024
  const { comparison, told } = await runSort(stage, { rounds: 1, records: 10_000, sorterBytes }, quiet)
  const way = figures('P1', 'P2')
  expect(JSON.parse(JSON.stringify(comparison))).toEqual({ ...common, dataShipping: way, nearData: way })
  const { dataShipping, nearData } = comparison
  expect(nearData.bytesMoved / dataShipping.bytesMoved).toBeLessThan(0.53)
  const records = 2 * 10_000 * 100
  expect(dataShipping.storedPeakBytes).toBeGreaterThan(records)

  expect(told.spilledBytes).toBeGreaterThan(records - 2 * sorterBytes)
  expect(told.spilledBytes).toBeLessThanOrEqual(records)
}, 30_000)
