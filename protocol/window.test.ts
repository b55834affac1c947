import { expect, test } from 'vitest'
import { INITIAL_WINDOW_BYTES, MAX_WINDOW_BYTES, ReceiveWindow, WindowBudget } from './window.ts'

const MIB = 1 << 20

/** Consumes whatever may be sent, until so many bytes have passed; answers how much may wait then. */
function consumeAll(window: ReceiveWindow, bytes: number): number {
  let sent = 0
  while (sent < bytes) {
    const piece = window.limit - window.received
    window.receive(piece)
    window.consume(piece)
    sent += piece
  }
  return window.limit - window.received
}

test('a window whose consumer keeps up grows to its greatest size', () => {
  expect(consumeAll(new ReceiveWindow(new WindowBudget(64 * MIB)), 64 * MIB)).toBe(MAX_WINDOW_BYTES)
})

test('windows that share room grow only within it, and what one gives back another may take', () => {
  const budget = new WindowBudget(64 * MIB)
  const room = new WindowBudget(MIB)
  const [first, second, other] = [new ReceiveWindow(budget), new ReceiveWindow(budget), new ReceiveWindow(budget)]
  first.share(room)
  second.share(room)
  expect(consumeAll(first, 8 * MIB)).toBe(MIB)
  expect(consumeAll(second, 8 * MIB)).toBe(2 * INITIAL_WINDOW_BYTES)
  expect(consumeAll(other, 64 * MIB)).toBe(MAX_WINDOW_BYTES)
  first.release()
  expect(consumeAll(second, 8 * MIB)).toBe(MIB)
})

test('a window that its connection does not let grow leaves the shared room to others', () => {
  const room = new WindowBudget(MIB)
  const narrow = new ReceiveWindow(new WindowBudget(INITIAL_WINDOW_BYTES))
  narrow.share(room)
  expect(consumeAll(narrow, 8 * MIB)).toBe(INITIAL_WINDOW_BYTES)
  const wide = new ReceiveWindow(new WindowBudget(64 * MIB))
  wide.share(room)
  expect(consumeAll(wide, 8 * MIB)).toBe(MIB)
})
