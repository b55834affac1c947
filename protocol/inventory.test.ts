import { describe, expect, it } from 'vitest'
import { decodeInventory, encodeInventory, INVENTORY_ROWS } from './inventory.ts'

const row = { index: 0x01020304, bytes: 0x0a0b0c0d, epoch: 1, counter: 2 }

describe('an inventory', () => {
  it('has exactly these bytes', () => {
    expect(encodeInventory([row]).toString('hex')).toBe('040302010d0c0b0a000000000000f03f0000000000000040')
  })

  it('comes back as it was, with the largest numbers there are', () => {
    const rows = [row, { index: 2 ** 32 - 1, bytes: 2 ** 32 - 1, epoch: Number.MAX_SAFE_INTEGER, counter: 2 ** 53 - 1 }]
    expect(decodeInventory(encodeInventory(rows))).toEqual(rows)
    expect(decodeInventory(Buffer.alloc(0))).toEqual([])
  })

  it('fits into one frame with as many rows as are sent', () => {
    expect(encodeInventory(Array.from({ length: INVENTORY_ROWS }, () => row)).length).toBeLessThan(1 << 20)
  })

  it('is refused where it ends within a row', () => {
    expect(() => decodeInventory(Buffer.alloc(25))).toThrow('an inventory of 25 bytes does not consist of rows of 24')
  })
})
