import { describe, expect, test } from 'vitest'
import type { Clock } from './clock.ts'
import { Spinner } from './spinner.ts'

/** A clock whose turns and time are given by hand. */
function setup(): { spinner: Spinner; turn: (ms: number) => boolean } {
  let now = 1_000
  let next: (() => void) | undefined
  const clock: Clock = {
    now: () => now,
    wallTime: () => now,
    after: () => expect.unreachable(),
    soon(callback) {
      expect(next).toBeUndefined()
      next = callback
    },
  }
  /** Lets time pass, then a turn of the loop; answers whether there is another one to come. */
  const turn = (ms: number): boolean => {
    now += ms
    const callback = next
    next = undefined
    callback?.()
    return next !== undefined
  }
  return { spinner: new Spinner(clock), turn }
}

/** Whether asking for it makes it turn. */
function tries({ spinner, turn }: ReturnType<typeof setup>): boolean {
  spinner.expect()
  return turn(0.01)
}

describe('a spinner', () => {
  test('turns for 0.4 ms after it was asked to, and no longer', () => {
    const { spinner, turn } = setup()
    expect(turn(0)).toBe(false)
    spinner.expect()
    expect(turn(0.2)).toBe(true)
    expect(turn(0.18)).toBe(true)
    expect(turn(0.02)).toBe(false)
    expect(turn(0.01)).toBe(false)
  })

  test('asked again while it turns, it turns for as long again, once per turn of the loop', () => {
    const { spinner, turn } = setup()
    spinner.expect()
    expect(turn(0.38)).toBe(true)
    spinner.expect()
    expect(turn(0.38)).toBe(true)
    expect(turn(0.02)).toBe(false)
  })

  test('stops when what was due has come', () => {
    const one = setup()
    one.spinner.expect()
    expect(one.turn(0.01)).toBe(true)
    one.spinner.arrived()
    expect(one.turn(0.01)).toBe(false)
    expect(tries(one)).toBe(true)
  })

  test('passes over 1, 3, 7, … and at most 1,023 requests after turns in vain, and none after one that was not', () => {
    const one = setup()
    const passedOver = (): number => {
      let count = 0
      while (!tries(one)) count++
      return count
    }
    const seen: number[] = []
    for (let round = 0; round < 12; round++) {
      seen.push(passedOver())
      expect(one.turn(1)).toBe(false)
    }
    expect(seen).toEqual([0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1_023, 1_023])
    passedOver()
    one.spinner.arrived()
    expect(one.turn(0)).toBe(false)
    expect(passedOver()).toBe(0)
  })
})
