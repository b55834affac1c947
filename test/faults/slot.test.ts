import { expect, test } from 'vitest'
import type { Outcome } from './operations.ts'
import { Slot } from './slot.ts'

const done: Outcome<void> = { ok: true, value: undefined }
const lost: Outcome<void> = { ok: false, code: 'UNAVAILABLE', uncertain: true }
const refused: Outcome<void> = { ok: false, code: 'NO_SPACE', uncertain: false }

function slotWith(...outcomes: Outcome<void>[]): Slot {
  const slot = new Slot('/x')
  for (const outcome of outcomes) slot.changed(slot.next(100), outcome)
  return slot
}

const see = (slot: Slot, version: number): void => slot.seen({ version, length: 100 })

test('what was acknowledged last is there, and nothing before it', () => {
  const slot = slotWith(done, lost, done)
  expect(slot.mayBeMissing).toBe(false)
  expect(() => see(slot, 1)).toThrow('version 1')
  expect(() => see(slot, 2)).toThrow('version 2')
  see(slot, 3)
})

test('what ended without an answer may be there or not, until it was seen', () => {
  const slot = slotWith(done, lost)
  see(slot, 1)
  see(slot, 2)
  expect(() => see(slot, 1)).toThrow('version 1')
})

test('what was refused, or was never written like this, is not there', () => {
  expect(() => see(slotWith(done, refused), 2)).toThrow('version 2')
  expect(() => slotWith(done).seen({ version: 1, length: 99 })).toThrow('99 bytes')
})

test('nothing may be there before the first and after a deletion that may have happened', () => {
  expect(slotWith(lost).mayBeMissing).toBe(true)
  const slot = slotWith(done)
  slot.changed(slot.next(undefined), lost)
  expect(slot.mayBeMissing).toBe(true)
  see(slot, 1)
})
