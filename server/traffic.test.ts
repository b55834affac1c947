import { expect, test } from 'vitest'
import { Traffic, TrafficReports } from './traffic.ts'

function setUp(...namespaces: number[]) {
  const all = namespaces.map((namespace): [number, Traffic] => [namespace, new Traffic()])
  return { all, of: (at: number) => all[at]![1], reports: new TrafficReports(() => all) }
}

test('a report tells what has come to it since the last that was answered', () => {
  const { of, reports } = setUp(3, 7)
  expect(reports.next()).toBeUndefined()
  Object.assign(of(0), { operations: 2, bytesIn: 10, bytesOut: 5, actionMs: 1.75 })
  expect(reports.next()).toEqual({ number: 1, rows: [[3, 2, 10, 5, 1]] })
  reports.answered(1)
  of(0).actionMs += 0.5
  of(1).operations += 1
  expect(reports.next()).toEqual({
    number: 2,
    rows: [
      [3, 0, 0, 0, 1],
      [7, 1, 0, 0, 0],
    ],
  })
  reports.answered(2)
  expect(reports.next()).toBeUndefined()
})

test('a report whose answer is lost comes again as it was, and what has come meanwhile with the next', () => {
  const { of, reports } = setUp(3)
  of(0).operations = 2
  const first = reports.next()
  of(0).operations = 5
  expect(reports.next()).toEqual(first)
  // The answer to something older, or to a heartbeat without any.
  reports.answered(undefined)
  reports.answered(0)
  expect(reports.next()).toEqual(first)
  reports.answered(1)
  expect(reports.next()).toEqual({ number: 2, rows: [[3, 3, 0, 0, 0]] })
})

test('however many namespaces there are, each report fits into a heartbeat, and none is left out', () => {
  const { all, reports } = setUp(...Array.from({ length: 1_200 }, (_, namespace) => namespace))
  for (const [, traffic] of all) traffic.bytesIn = 2 ** 52
  const seen = new Set<number>()
  for (let report = reports.next(); report; report = reports.next()) {
    expect(JSON.stringify(report).length).toBeLessThan(60 << 10)
    for (const [namespace] of report.rows) seen.add(namespace)
    reports.answered(report.number)
  }
  expect(seen.size).toBe(1_200)
})
