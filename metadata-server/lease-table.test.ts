import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Counter } from './counter.ts'
import { noJournal } from './journal/journal.ts'
import type { Lease, Leased } from './lease.ts'
import { LeaseTable } from './lease-table.ts'

const pick = fc.nat(1000)

test('the table gives leases out in order of their expiry, whatever was prolonged or removed before', () => {
  const change = fc.record({ at: pick, expiresMs: fc.nat(50), kind: fc.constantFrom('add', 'add', 'prolong', 'remove') })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200, size: 'max' }), changes => {
      const table = new LeaseTable(noJournal, new Counter(0))
      const nodes = [1, 2, 3].map((id): Leased => ({ id, leases: undefined }))
      const held: Lease[] = []
      for (const { at, expiresMs, kind } of changes) {
        const lease = held[at % held.length]
        const node = nodes[at % nodes.length]
        if (kind === 'add' && node) held.push(table.add(node, 1, expiresMs))
        else if (kind === 'prolong' && lease) table.prolong(lease, expiresMs)
        else if (lease) table.remove(...(held.splice(at % held.length, 1) as [Lease]))
      }
      expect(table.size).toBe(held.length)
      for (const lease of held) expect(table.find(lease.node, lease.number)).toBe(lease)
      const expected = held.map(lease => lease.expiresMs).sort((a, b) => a - b)
      const order: number[] = []
      for (let due = table.firstDue(100); due; due = table.firstDue(100)) {
        order.push(due.expiresMs)
        table.remove(due)
      }
      expect(order).toEqual(expected)
      expect(nodes.map(({ leases }) => leases)).toEqual([undefined, undefined, undefined])
    }),
  )
})
