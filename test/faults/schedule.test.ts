import { expect, test } from 'vitest'
import { describeFault, kindOf, scheduleOf } from './schedule.ts'

const HOUR_MS = 3_600_000

test('the same seed makes the same schedule, and another one another', () => {
  const lines = (seed: number): string[] => scheduleOf(seed, HOUR_MS / 4).map(describeFault)
  expect(lines(7)).toEqual(lines(7))
  expect(lines(7)).not.toEqual(lines(8))
})

test('a longer run begins as a shorter one', () => {
  const short = scheduleOf(7, 90_000)
  expect(scheduleOf(7, HOUR_MS).slice(0, short.length)).toEqual(short)
})

test('every kind of fault comes before any comes again', () => {
  const kinds = scheduleOf(7, HOUR_MS).map(kindOf)
  const all = [...new Set(kinds)].sort()
  // Clients die twice in a round.
  expect([...kinds.slice(0, all.length + 1)].sort()).toEqual([...all, 'death of a client'].sort())
  for (const verb of ['kill', 'stop', 'restart', 'cut', 'delay', 'silence'])
    for (const role of ['metadata', 'storage', 'active']) expect(all).toContain(`${verb} ${role}`)
  expect(all).toEqual(expect.arrayContaining(['fill dram', 'fill disk', 'cut link of storage', 'silence link of active']))
})
