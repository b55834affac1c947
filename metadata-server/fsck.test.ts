import { expect, test } from 'vitest'
import { catalogue, type FsckReport } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { encodeInventory, type InventoryRow } from '../protocol/inventory.ts'
import { readLocation } from '../protocol/location.ts'
import { codeOf, FakeCluster, FakeConnection, type FakeServer, settle } from './fakes.test.helper.ts'

const MIB = 1 << 20

/** What a fake server holds, told in pages of a few rows. */
class Stock {
  readonly rows = new Map<number, InventoryRow>()
  readonly server: FakeServer

  constructor(server: FakeServer, pageRows = 3) {
    this.server = server
    this.serve(server.connection, pageRows)
  }

  serve(connection: FakeConnection, pageRows = 3): void {
    const list = ({ first }: { first: number }) => {
      const rows = [...this.rows.values()].filter(({ index }) => index >= first).sort((a, b) => a.index - b.index)
      const next = rows[pageRows]?.index
      return { head: next === undefined ? {} : { next }, body: encodeInventory(rows.slice(0, pageRows)) }
    }
    connection.respondBytes(catalogue.listBlocks, list)
    connection.respondBytes(catalogue.listObjects, list)
    connection.respond(catalogue.freeBlocks, ({ blocks }) => {
      for (const [index, , counter] of blocks) if ((this.rows.get(index)?.counter ?? 0) <= counter) this.rows.delete(index)
      return {}
    })
    connection.respond(catalogue.startObject, ({ slot, epoch, counter }) => {
      this.rows.set(slot, { index: slot, epoch, counter, bytes: 0 })
      return {}
    })
    connection.respond(catalogue.stopObject, ({ slot, counter }) => {
      if (this.rows.get(slot)?.counter !== counter) throw new GliderError('NO_ACTION_OBJECT', 'the object was deleted')
      this.rows.delete(slot)
      return {}
    })
  }

  /** As if whoever has the locations had written so much into each. */
  write(locations: readonly string[], bytes = MIB): void {
    for (const text of locations) {
      const { incarnation, block, generation } = readLocation(Buffer.from(text, 'base64url'))
      if (incarnation === this.server.head.incarnation) this.rows.set(block, { index: block, ...generation, bytes })
    }
  }

  sizes(): number[] {
    return [...this.rows.keys()].sort((a, b) => a - b)
  }
}

async function put(cluster: FakeCluster, path: string, blocks: number, ...stocks: Stock[]): Promise<void> {
  const { claim, locations } = await cluster.ask('openWrite', { path, mode: 'put', blocks })
  for (const stock of stocks) stock.write(locations)
  await cluster.ask('commit', { claim, size: blocks * MIB, close: true })
}

interface Asked {
  report?: FsckReport
}

function begin(cluster: FakeCluster, repair: boolean): Asked {
  const asked: Asked = {}
  cluster.ask('fsck', { repair }).then(
    report => {
      asked.report = report
    },
    (error: unknown) => {
      throw error
    },
  )
  return asked
}

/** Turns the clock's later turns, but lets no time pass, until there is a report. */
async function check(cluster: FakeCluster, repair = false): Promise<FsckReport> {
  const asked = begin(cluster, repair)
  while (!asked.report) {
    cluster.clock.turn()
    await settle()
  }
  return asked.report
}

const nothing = { orphanedBlocks: 0, doublyOwnedBlocks: 0, lostBlocks: 0, lostBytes: 0, leakedSlots: 0, wrongCounts: 0 }

async function withFiles(): Promise<{ cluster: FakeCluster; stock: Stock }> {
  const cluster = new FakeCluster()
  const stock = new Stock(cluster.joinStorage(16))
  await put(cluster, '/five', 5, stock)
  await put(cluster, '/two', 2, stock)
  return { cluster, stock }
}

test('a cluster that is as it should be is clean, with writers at work', async () => {
  const { cluster, stock } = await withFiles()
  await cluster.ask('create', { path: '/bag', type: 'bag' })
  const part = await cluster.ask('openWrite', { path: '/bag', mode: 'append', blocks: 2 })
  stock.write(part.locations)
  await cluster.ask('commit', { claim: part.claim, size: MIB + 1, close: true })
  const open = await cluster.ask('openWrite', { path: '/two', mode: 'append', blocks: 3 })
  stock.write(open.locations.slice(0, 1), 7)
  const report = await check(cluster)
  expect(report).toEqual({
    clean: true,
    checked: { nodes: 3, blocks: 12, slots: 0, servers: 1 },
    unchecked: [],
    found: nothing,
    repaired: 0,
    findings: [],
  })
})

test('blocks that nobody owns are found, and freed by repair; owned ones stay', async () => {
  const { cluster, stock } = await withFiles()
  const owned = stock.sizes()
  stock.rows.set(9, { index: 9, epoch: 1, counter: 1, bytes: 100 })
  stock.rows.set(12, { index: 12, epoch: 1, counter: 2, bytes: 200 })
  const found = await check(cluster)
  expect(found).toMatchObject({ clean: false, found: { ...nothing, orphanedBlocks: 2 }, repaired: 0 })
  expect(found.findings).toEqual([
    {
      kind: 'orphanedBlock',
      what: 'storage-1 holds a block that nobody owns',
      server: 'storage-1',
      block: 9,
      bytes: 100,
      remedy: 'fsck with repair frees it',
    },
    expect.objectContaining({ kind: 'orphanedBlock', block: 12, bytes: 200 }),
  ])
  expect(stock.sizes()).toEqual([...owned, 9, 12])
  expect(await check(cluster, true)).toMatchObject({ clean: true, found: { ...nothing, orphanedBlocks: 2 }, repaired: 2 })
  expect(stock.sizes()).toEqual(owned)
  expect(await check(cluster)).toMatchObject({ clean: true, found: nothing })
})

test('what was freed, and its server has not heard of yet, is no orphan', async () => {
  const { cluster, stock } = await withFiles()
  await cluster.ask('delete', { path: '/five' })
  let report: FsckReport | undefined
  const asked = cluster.ask('fsck', {}).then(answer => {
    report = answer
  })
  for (let i = 0; i < 100; i += 1) {
    cluster.clock.turn()
    await settle()
  }
  expect(report, 'it waits until the server has been told').toBeUndefined()
  expect(stock.rows.size).toBe(7)
  await cluster.clock.advance(100)
  await asked
  expect(report).toMatchObject({ clean: true, found: nothing })
  expect(stock.rows.size).toBe(2)
})

test('committed bytes that a live server does not hold are lost, as are those on a dead one', async () => {
  const { cluster, stock } = await withFiles()
  const [first, second, third] = stock.sizes()
  stock.rows.delete(first!)
  stock.rows.set(second!, { ...stock.rows.get(second!)!, bytes: MIB - 1 })
  stock.rows.set(third!, { ...stock.rows.get(third!)!, counter: 0 })
  const report = await check(cluster, true)
  // The third is there in an older generation, which is nobody's.
  expect(report).toMatchObject({ clean: false, found: { ...nothing, lostBlocks: 3, lostBytes: 3 * MIB, orphanedBlocks: 1 } })
  expect(report.findings.filter(({ kind }) => kind === 'lostData')).toEqual([
    {
      kind: 'lostData',
      what: expect.stringMatching(/^bytes of \/five are lost: storage-1 at .* does not hold them$/),
      server: 'storage-1',
      path: '/five',
      block: first,
      bytes: 3 * MIB,
      remedy: 'replace or delete it',
    },
  ])
  await cluster.clock.advance(6000)
  expect(await check(cluster)).toMatchObject({
    clean: false,
    unchecked: [],
    found: { ...nothing, lostBlocks: 7, lostBytes: 7 * MIB },
  })
  await cluster.ask('delete', { path: '/five' })
  await cluster.ask('delete', { path: '/two' })
  await cluster.clock.advance(1000)
  expect(await check(cluster)).toMatchObject({ clean: true, found: nothing })
})

test('a server that does not answer was not checked, and the others were', async () => {
  const cluster = new FakeCluster()
  const [silent, stock] = [new Stock(cluster.joinStorage(4)), new Stock(cluster.joinStorage(4))]
  await put(cluster, '/f', 4, silent, stock)
  stock.rows.clear()
  silent.server.connection.close()
  const report = await check(cluster)
  expect(report).toMatchObject({
    clean: false,
    unchecked: ['storage-1'],
    found: { ...nothing, lostBlocks: 2, lostBytes: 2 * MIB },
  })
  const again = new FakeConnection('again')
  silent.serve(again)
  cluster.register(silent.server.head, again)
  expect(await check(cluster)).toMatchObject({ unchecked: [] })
})

test('slots without object, and objects without node, are found and freed', async () => {
  const cluster = new FakeCluster()
  const stock = new Stock(cluster.joinActive(8))
  for (const path of ['/a', '/b', '/c']) {
    await cluster.ask('create', { path, type: 'action' })
    await cluster.ask('createObject', { path, definition: 'std/Merge' })
  }
  expect(await check(cluster)).toMatchObject({ clean: true, checked: { nodes: 3, slots: 3 }, found: nothing })
  const { node } = await cluster.ask('stat', { path: '/b' })
  const gone = (await cluster.ask('openObject', { node })).location
  stock.rows.delete(readLocation(Buffer.from(gone, 'base64url')).block)
  stock.rows.set(7, { index: 7, epoch: 1, counter: 1, bytes: 0 })
  const report = await check(cluster)
  expect(report).toMatchObject({ clean: false, found: { ...nothing, leakedSlots: 2 } })
  expect(report.findings.map(({ slot, what }) => [slot, what])).toEqual([
    [readLocation(Buffer.from(gone, 'base64url')).block, 'active-1 has no object in a slot that a node owns'],
    [7, 'active-1 has an object that no node owns'],
  ])
  expect(await check(cluster, true)).toMatchObject({ clean: true, repaired: 2 })
  expect(await check(cluster)).toMatchObject({ clean: true, checked: { slots: 2 }, found: nothing })
  expect((await cluster.ask('stat', { path: '/b' })).object?.state).toBe('lost')
  expect(stock.sizes()).toEqual([0, 2])
})

test('an object that is being made or ended is no leak', async () => {
  const cluster = new FakeCluster()
  const stock = new Stock(cluster.joinActive(4))
  let made = (): void => {}
  stock.server.connection.respond(
    catalogue.startObject,
    () =>
      new Promise<object>(resolve => {
        made = () => resolve({})
      }),
  )
  await cluster.ask('create', { path: '/a', type: 'action' })
  const creating = cluster.ask('createObject', { path: '/a', definition: 'std/Merge' })
  await settle()
  expect(await check(cluster, true)).toMatchObject({ clean: true, repaired: 0, checked: { slots: 1 } })
  made()
  await creating
})

test('what is being freed in slices is nobody’s, and no orphan', async () => {
  const cluster = new FakeCluster()
  new Stock(cluster.joinStorage(20_000))
  const { claim } = await cluster.ask('openWrite', { path: '/large', mode: 'put' })
  for (let i = 0; i < 40; i += 1) await cluster.ask('extend', { claim, blocks: 256 })
  await cluster.ask('commit', { claim, size: 10_000 * MIB, close: true })
  const deleting = cluster.ask('delete', { path: '/large' })
  expect((await cluster.ask('usage', {})).blocks).toBeGreaterThan(9000)
  expect(await check(cluster, true)).toMatchObject({ clean: true, found: nothing, repaired: 0 })
  await deleting
})

test('a report of many findings with long paths fits into a head', async () => {
  const cluster = new FakeCluster()
  const stock = new Stock(cluster.joinStorage(400), 1000)
  const long = Array.from({ length: 15 }, () => '\u0001'.repeat(250)).join('/')
  for (let i = 0; i < 30; i += 1) await cluster.ask('create', { path: `/${i}/${long}`, type: 'directory', parents: true })
  for (let i = 0; i < 30; i += 1) await put(cluster, `/${i}/${long}/f`, 1)
  for (let i = 100; i < 400; i += 1) stock.rows.set(i, { index: i, epoch: 1, counter: 1, bytes: 1 })
  const report = await check(cluster)
  expect(report.found).toMatchObject({ lostBlocks: 30, orphanedBlocks: 300 })
  expect(Buffer.byteLength(JSON.stringify(report))).toBeLessThan(60 << 10)
})

test('whatever goes on meanwhile, nothing that is right is found, and nothing that is owned is freed', async () => {
  // The same numbers in every run.
  let seed = 1
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff
    return (seed >> 8) % below
  }
  const cluster = new FakeCluster()
  const stocks = [new Stock(cluster.joinStorage(3000), 50), new Stock(cluster.joinStorage(3000), 50)]
  const claims: { claim: string; size: number }[] = []
  const open = async (mode: 'put' | 'append'): Promise<void> => {
    const path = mode === 'append' ? '/bag' : `/d${random(3)}/f${random(40)}`
    const blocks = 1 + random(8)
    const { claim, locations } = await cluster.ask('openWrite', { path, mode, blocks, parents: true })
    for (const stock of stocks) stock.write(locations)
    claims.push({ claim, size: blocks * MIB - random(MIB) })
  }
  const step = async (): Promise<void> => {
    const choice = random(10)
    if (choice < 3) await codeOf(open('put'))
    else if (choice < 5) await open('append')
    else if (choice < 8) {
      const [one] = claims.splice(random(Math.max(1, claims.length)), 1)
      if (one && random(4) > 0) await codeOf(cluster.ask('commit', { ...one, close: true }))
      else if (one) await cluster.ask('release', { claim: one.claim })
    } else if (choice < 9) await codeOf(cluster.ask('delete', { path: `/d${random(3)}/f${random(40)}` }))
    else if (random(8) === 0) await cluster.ask('delete', { path: `/d${random(3)}`, recursive: true })
    else cluster.clock.turn()
  }
  await cluster.ask('create', { path: '/bag', type: 'bag' })
  for (let i = 0; i < 1500; i += 1) await step()
  for (let round = 0; round < 40; round += 1) {
    const asked = begin(cluster, true)
    for (let turns = 0; !asked.report; turns += 1) {
      for (let i = random(4); i > 0; i -= 1) await step()
      // Live servers: time passes, and what was freed is told.
      if (turns % 4 === 0) await cluster.live(30, ...stocks.map(({ server }) => server))
      else cluster.clock.turn()
      for (let i = random(6); i > 0; i -= 1) await Promise.resolve()
    }
    expect(asked.report).toMatchObject({ clean: true, found: nothing, repaired: 0 })
  }
})
