/** What a sound metadata server never does, made by hand. */
import { expect, test } from 'vitest'
import { noGrant } from '../protocol/grant.ts'
import type { Log } from '../server/log.ts'
import { Claims } from './claims.ts'
import { verifyConfig } from './config.ts'
import { Counter } from './counter.ts'
import { FakeClock, FakeConnection, settle } from './fakes.test.helper.ts'
import { Frees } from './frees.ts'
import { Fsck } from './fsck.ts'
import { Generations } from './generations.ts'
import { noJournal } from './journal/journal.ts'
import { LeaseTable } from './lease-table.ts'
import { Membership } from './membership.ts'
import { BagNode, FileNode } from './node.ts'
import { Orphans } from './orphans.ts'
import { Reaper } from './reaper.ts'
import { Recovery } from './recovery.ts'
import { SlotSpaces } from './slots.ts'
import { BlockSpaces } from './spaces.ts'
import { Totals } from './totals.ts'
import { Tree } from './tree.ts'

function parts() {
  const clock = new FakeClock()
  const log: Log = { debug() {}, info() {}, warn() {}, error() {} }
  const config = verifyConfig({})
  const journal = noJournal
  const generations = new Generations(1)
  const frees = new Frees({ clock, delayMs: 50, log, journal })
  const blocks = new BlockSpaces(['dram'], 1 << 20, generations, frees)
  const slots = new SlotSpaces(generations, log, 'default')
  const tree = new Tree({
    ids: new Counter(1),
    wallTime: () => clock.wallTime(),
    journal,
    order: blocks.orders.default,
    root: { id: 1, createdAt: 0 },
  })
  const leases = new LeaseTable(journal, new Counter(0))
  const stopObject = () => Promise.resolve()
  const reaper = new Reaper({ clock, tree, blocks, totals: new Totals(), leases, stopObject, journal })
  const randomness = { bytes: (count: number) => Buffer.alloc(count), id: () => 'claim' }
  const claims = new Claims({ clock, randomness, reaper, journal })
  const orphans = new Orphans(frees)
  const recovery = new Recovery(orphans, log)
  const [slotsOf, joined] = [() => slots, () => {}]
  const membership = new Membership({ config, clock, log, blocks, slotsOf, frees, recovery, journal, joined })
  const proofKey = Buffer.alloc(32).toString('base64url')
  const head = {
    role: 'storage',
    incarnation: 'server--0001',
    address: 'a:1',
    storageClass: 'dram',
    capacity: 16 << 20,
    proofKey,
  } as const
  membership.register(head, new FakeConnection('storage'))
  const fsck = new Fsck({ clock, log, homes: () => [{ tree, claims, reaper }], blocks, generations, membership, orphans })
  const add = (path: string) => {
    const place = tree.place(path, false)
    if (place.node) throw new Error('taken')
    return tree.add(place, birth => new FileNode(birth, blocks.orders.default))
  }
  const check = async (repair = false) => {
    const report = fsck.run(repair)
    for (let i = 0; i < 10; i += 1) {
      clock.turn()
      await settle()
    }
    return report
  }
  return { tree, blocks, claims, add, check, frees }
}

test('a block of two nodes is found, in whatever they have it', async () => {
  const { tree, blocks, add, check } = parts()
  const [block, other] = blocks.take(blocks.orders.default, 2, '/x')
  add('/first').chain = block
  add('/second').chain = [other!, block!]
  const place = tree.place('/bag', false)
  if (!place.node) tree.add(place, birth => new BagNode(birth, blocks.orders.default)).parts = [{ size: 0, chain: other }]
  const report = await check(true)
  expect(report).toMatchObject({ clean: false, found: { doublyOwnedBlocks: 2, orphanedBlocks: 0 }, repaired: 0 })
  expect(report.findings.map(({ path, what }) => [path, what])).toEqual([
    ['/second', 'a block of /second belongs to /first as well'],
    ['/bag', 'a block of /bag belongs to /second as well'],
  ])
  expect(blocks.usedBlocks).toBe(2)
})

test('a block of a node and of a writer is found, and one that is counted as free', async () => {
  const { blocks, claims, add, check } = parts()
  const [shared, freed] = blocks.take(blocks.orders.default, 2, '/x')
  const subject = {
    mode: 'put',
    node: undefined,
    key: '',
    path: '/written',
    byPath: true,
    parents: false,
    order: blocks.orders.default,
  } as const
  claims.take(subject, [shared!], { clientId: undefined, grant: noGrant, onGone: () => () => {} })
  add('/first').chain = shared
  add('/second').chain = freed
  blocks.give(freed!)
  expect((await check()).findings.map(({ what }) => what)).toEqual([
    'a block of /first belongs to /written as well',
    'a block of /second belongs to nobody: it is counted as free as well',
  ])
})

test('a block that is taken by nobody is found, and freed by repair', async () => {
  const { blocks, check } = parts()
  blocks.take(blocks.orders.default, 3, '/x')
  expect(await check()).toMatchObject({ clean: false, found: { orphanedBlocks: 3 } })
  expect(await check(true)).toMatchObject({ clean: true, repaired: 3 })
  expect(blocks.usage()).toEqual([{ storageClass: 'dram', used: 0, free: 16 }])
  expect(await check()).toMatchObject({ clean: true, found: { orphanedBlocks: 0 } })
})
