import { expect, test } from 'vitest'
import { ticksOf } from '../process-cpu.ts'
import { bothWays } from './both-ways.ts'
import { medianFigures, type WayFigures } from './figures.ts'
import { positive, roundsOf } from './options.ts'
import { caseName, fall, tableOf } from './report.ts'

const figures = (seconds: number, more: Partial<WayFigures> = {}): WayFigures => ({
  seconds,
  phases: { P1: seconds / 4, P2: (3 * seconds) / 4 },
  bytesMoved: 1_000,
  ingestedBytes: 500,
  storedPeakBytes: 0,
  cpuSeconds: 2 * seconds,
  ...more,
})

test('a figure is the median of its rounds, to a millisecond', () => {
  const rounds = [figures(3), figures(1.00049), figures(2, { bytesMoved: 3_000 })]
  expect(medianFigures(rounds)).toEqual({
    seconds: 2,
    phases: { P1: 0.5, P2: 1.5 },
    bytesMoved: 1_000,
    ingestedBytes: 500,
    storedPeakBytes: 0,
    cpuSeconds: 4,
  })
  expect(medianFigures([figures(1.00049)]).seconds).toBe(1)
  expect(medianFigures([figures(1), figures(1, { cpuSeconds: null })]).cpuSeconds).toBeNull()
})

test('the ways take turns, the first round does not count, and each begins every other round', async () => {
  const order: string[] = []
  let runs = 0
  const way = (name: string) => async () => {
    order.push(name)
    return { figures: figures(++runs <= 2 ? 100 : 1), result: 'same' }
  }
  const both = await bothWays({ dataShipping: way('ship'), nearData: way('near') }, 2, () => {})
  expect(order).toEqual(['ship', 'near', 'near', 'ship', 'ship', 'near'])
  expect(both.dataShipping.seconds).toBe(1)
  expect(both.nearData.seconds).toBe(1)
})

test('where the ways do not give the same, no figure is given', async () => {
  const way = (result: string) => async () => ({ figures: figures(1), result })
  await expect(bothWays({ dataShipping: way('a 1'), nearData: way('a 2') }, 1, () => {})).rejects.toThrow('the results differ')
})

test('the table has both ways, their ratio and how much less it is', () => {
  const both = { dataShipping: figures(4), nearData: figures(1, { cpuSeconds: null }) }
  const { caption, head, rows } = tableOf({ workers: 2, workerBandwidth: 75, ...both, inputBytes: 8e6, bound: 0.8125 })
  const told = tableOf({ workers: 2, workerBandwidth: 75, ...both }, { seconds: 0.25, bytesMoved: 0.52, cpuSeconds: 1 })
  expect(told.head.at(-1)).toBe('to reach')
  expect(told.rows.map(cells => cells.at(-1))).toEqual(['at most 0.25', 'at most 0.52: missed', '', '', '', '', ''])
  expect(caption).toBe('2 workers, 75 MB/s each')
  expect(head).toEqual(['figure', 'data-shipping', 'near-data', 'ratio', 'change'])
  expect(rows).toEqual(
    expect.arrayContaining([
      ['time', '4.00 s', '1.00 s', '0.250', '−75.0 %'],
      ['bytes stored at the peak', '0.000 MB', '0.000 MB', '', ''],
      ['CPU of all processes', '8.00 s', '–', '', ''],
      ['time of P2', '3.00 s', '0.750 s', '0.250', '−75.0 %'],
      ['throughput of 8 MB', '2.00 MB/s', '8.00 MB/s', '4.000', '+300.0 %'],
      ['bound of time on two busy cores, (G+P)/(G+2P)', '', '', '0.813', ''],
    ]),
  )
})

test('a change has its sign, and what is hardly one has none', () => {
  expect([fall(3, 2), fall(1, 2), fall(1, 2_000), fall(10_001, 10_000), fall(2, 2)]).toEqual([
    ...['+50.0 %', '−50.0 %', '−99.950 %', '0.0 %', '0.0 %'],
  ])
  expect(caseName({ workers: 1, workerBandwidth: null })).toBe('1 worker, no limit')
})

test('the CPU time of a process is told apart from its name', () => {
  const fields = ['1234', '(a (b) 1 2', ')', 'S', ...Array<string>(10).fill('0'), '250', '75', '0']
  expect(ticksOf(`${fields[0]} ${fields[1]}${fields[2]} ${fields.slice(3).join(' ')}`)).toBe(325)
})

test('options that make no sense are refused', () => {
  expect(positive('0.5')).toBe(0.5)
  for (const bad of ['', '0', '-1', 'x', 'Infinity']) expect(() => positive(bad)).toThrow('above 0')
  expect(roundsOf({})).toBe(5)
  expect(roundsOf({ workerBandwidth: 25 })).toBe(2)
  expect(roundsOf({ workerBandwidth: 25, rounds: 7 })).toBe(7)
})
