import { expect, test } from 'vitest'
import { catalogue } from '../protocol/catalogue.ts'
import { encodeInventory } from '../protocol/inventory.ts'
import type { Log } from '../server/log.ts'
import { BlockSpace } from './blocks.ts'
import { codeOf, FakeClock, FakeConnection } from './fakes.test.helper.ts'
import { Frees } from './frees.ts'
import { Generations } from './generations.ts'
import { noJournal } from './journal/journal.ts'
import { newServer } from './members.ts'
import { Orphans } from './orphans.ts'

const log: Log = { debug() {}, info() {}, warn() {}, error() {} }

function parts() {
  const clock = new FakeClock()
  const frees = new Frees({ clock, delayMs: 50, log, journal: noJournal })
  const head = {
    role: 'storage',
    incarnation: 'server--0001',
    address: 'a:1',
    storageClass: 'dram',
    capacity: 8,
    proofKey: '',
  } as const
  const server = newServer(1, head)
  const connection = new FakeConnection('storage')
  server.connection = connection
  return { clock, frees, space: new BlockSpace(server, 8), orphans: new Orphans(frees), connection }
}

const foreign = { epoch: 1, counter: 1, bytes: 10 }

test('what a server holds of an earlier life of the metadata server is found, page by page, and freed', async () => {
  const { space, orphans, connection } = parts()
  const kept = space.take(new Generations(2))!
  const rows = [
    { index: kept.index, epoch: 2, counter: kept.counter, bytes: 1 },
    ...[3, 4, 7].map(index => ({ index, ...foreign })),
  ]
  connection.respondBytes(catalogue.listBlocks, ({ first }) => {
    const later = rows.filter(({ index }) => index >= first)
    return { head: later[2] ? { next: later[2].index } : {}, body: encodeInventory(later.slice(0, 2)) }
  })
  const found = await orphans.find(space)
  expect(found).toEqual(rows.slice(1))
  await orphans.free(space, found)
  expect(connection.sent(catalogue.freeBlocks)).toEqual([{ blocks: [3, 4, 7].map(index => [index, 1, 1]) }])
})

test('a server that goes while it is to be told what is free ends the search', async () => {
  const { space, orphans, connection, frees, clock } = parts()
  const block = space.take(new Generations(2))!
  space.give(block)
  frees.add(block)
  connection.respondBytes(catalogue.listBlocks, () => ({ head: {}, body: encodeInventory([{ index: 0, ...foreign }]) }))
  const finding = codeOf(orphans.find(space))
  connection.respond(catalogue.freeBlocks, () => new Promise<object>(() => {}))
  await clock.advance(50)
  connection.close()
  expect(await finding).toBe('UNAVAILABLE')
})

test('an inventory that goes back is refused, so that no peer keeps a check for ever', async () => {
  const { space, orphans, connection } = parts()
  connection.respondBytes(catalogue.listBlocks, ({ first }) => ({ head: { next: first }, body: Buffer.alloc(0) }))
  expect(await codeOf(orphans.find(space))).toBe('PROTOCOL_ERROR')
  const backwards = encodeInventory([5, 3].map(index => ({ index, ...foreign })))
  connection.respondBytes(catalogue.listBlocks, () => ({ head: {}, body: backwards }))
  expect(await codeOf(orphans.find(space))).toBe('PROTOCOL_ERROR')
})
