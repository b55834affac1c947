import { chmod, cp, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { catalogue, type HeadOf } from '../../protocol/catalogue.ts'
import type { GliderError } from '../../protocol/errors.ts'
import type { Generation } from '../../protocol/generation.ts'
import { encodeInventory } from '../../protocol/inventory.ts'
import { readLocation } from '../../protocol/location.ts'
import { codeOf, FakeClock, FakeCluster, FakeConnection, type FakeServer, messageOf, settle } from '../fakes.test.helper.ts'
import { hashToken } from '../namespaces.ts'
import { openLmdbJournal } from './lmdb-store.ts'
import type { TurnJournal } from './turn-journal.ts'

const config = { blockBytes: 100, inlineBytes: 20, storageClasses: ['dram', 'disk'] }

let root: string
let folders = 0
const failures: GliderError[] = []

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'glider-test-'))
})

afterAll(async () => {
  await rm(root, { recursive: true })
})

function newFolder(): string {
  folders += 1
  return path.join(root, `state-${folders}`)
}

/** A metadata server in one of its lives. */
class Life {
  readonly directory: string
  readonly journal: TurnJournal
  readonly cluster: FakeCluster

  private constructor(directory: string, journal: TurnJournal, cluster: FakeCluster) {
    this.directory = directory
    this.journal = journal
    this.cluster = cluster
  }

  static async begin(directory = newFolder(), overrides = {}, sync = false): Promise<Life> {
    const clock = new FakeClock()
    // The end of a turn comes by itself.
    clock.soon = callback => queueMicrotask(callback)
    const randomness = { bytes: (count: number) => Buffer.alloc(count), id: () => 'id' }
    const log = { debug() {}, info() {}, warn() {}, error() {} }
    const failed = (error: GliderError): void => void failures.push(error)
    const journal = await openLmdbJournal({ directory, sync, clock, randomness, log, failed })
    try {
      return new Life(directory, journal, new FakeCluster({ ...config, ...overrides }, journal, 'a secret'))
    } catch (error) {
      await journal.close()
      throw error
    }
  }

  /** What a start would find if this process died now. */
  async crash(): Promise<Life> {
    const directory = newFolder()
    await cp(this.directory, directory, { recursive: true, filter: source => !source.endsWith('.lock') })
    this.cluster.server.stop()
    await this.journal.close()
    return Life.begin(directory)
  }

  async end(): Promise<void> {
    this.cluster.server.stop()
    await this.journal.close()
  }

  /** All that can be seen from outside, without what depends on servers being connected. */
  async state(): Promise<unknown> {
    const { cluster } = this
    const stats = { ...cluster.server.stats(), keptAnswers: undefined }
    return {
      nodes: await this.#below('/'),
      stats,
      usage: { ...(await cluster.ask('usage', {})), consumed: undefined },
      bundles: await cluster.ask('definitions', {}),
    }
  }

  async #below(directory: string): Promise<unknown[]> {
    const { entries } = await this.cluster.ask('list', { path: directory })
    const nodes: unknown[] = []
    for (const { name, type } of entries) {
      const at = directory === '/' ? `/${name}` : `${directory}/${name}`
      const stat = await this.cluster.ask('stat', { path: at })
      nodes.push({ stat, bytes: await this.#bytes(at, type) })
      if (type === 'directory' || type === 'table') nodes.push(await this.#below(at))
    }
    return nodes
  }

  async #bytes(at: string, type: string): Promise<unknown> {
    if (type === 'bag') return this.cluster.ask('locateParts', { path: at })
    if (type !== 'file' && type !== 'keyvalue') return undefined
    const { head, body } = await this.cluster.askBytes('openRead', { path: at })
    return { head, body: body.toString() }
  }
}

async function write(
  cluster: FakeCluster,
  head: HeadOf<typeof catalogue.openWrite>,
  size: number,
  from?: FakeConnection,
): Promise<void> {
  const { head: opened } = await cluster.askBytes('openWrite', head, undefined, from)
  const missing = Math.ceil(size / config.blockBytes) - opened.locations.length
  if (missing > 0) await cluster.ask('extend', { claim: opened.claim, blocks: missing }, from)
  await cluster.ask('commit', { claim: opened.claim, size, close: true }, from)
}

function join(life: Life): { one: FakeServer; two: FakeServer; active: FakeServer } {
  const { cluster } = life
  return { one: cluster.joinStorage(40), two: cluster.joinStorage(40, { storageClass: 'disk' }), active: cluster.joinActive(4) }
}

test('nobody but its owner reads the journal, in a directory that was there before as well', async () => {
  const directory = newFolder()
  await mkdir(directory)
  await chmod(directory, 0o755)
  const life = await Life.begin(directory)
  await life.end()
  expect((await stat(path.join(directory, 'journal.lmdb'))).mode & 0o777).toBe(0o600)
})

test('a life finds what the one before it has acknowledged: every kind of node, objects, leases, bundles and servers', async () => {
  const life = await Life.begin()
  const { cluster } = life
  const { active } = join(life)
  await cluster.ask('create', { path: '/d/e', type: 'directory', parents: true, storageClass: ['disk'] })
  await write(cluster, { path: '/d/e/blocks', mode: 'put' }, 250)
  await cluster.askBytes('put', { path: '/d/inline' }, Buffer.from('a few bytes'))
  await cluster.ask('create', { path: '/d/empty', type: 'file', near: '/d/e/blocks' })
  await cluster.ask('create', { path: '/t', type: 'table' })
  await cluster.askBytes('put', { path: '/t/key' }, Buffer.from('value'))
  await write(cluster, { path: '/t/large', mode: 'put' }, 130)
  await cluster.ask('create', { path: '/bag', type: 'bag', ttlMs: 5000 })
  for (const size of [10, 210]) await write(cluster, { path: '/bag', mode: 'append' }, size)
  active.connection.respond({ name: 'inspectBundle' } as never, () => ({ classes: [{ name: 'Own', calls: [] }] }))
  await cluster.ask('create', { path: '/live', type: 'action', near: '/d/e/blocks' })
  await cluster.ask('createObject', { path: '/live', definition: 'std/Merge', interleaved: true })
  await cluster.ask('create', { path: '/lost', type: 'action' })
  await cluster.ask('createObject', { path: '/lost', definition: 'Merge' })
  const { slot, epoch, counter } = active.connection.sent(catalogue.startObject).at(-1)!
  await cluster.ask('objectsLost', {
    incarnation: active.head.incarnation,
    objects: [{ slot, epoch, counter }],
    cause: 'it looped',
  })
  await cluster.ask('rename', { from: '/d/e', to: '/moved' })
  await cluster.ask('takeLease', { path: '/moved', ttlMs: 9000 })
  const before = await life.state()

  const next = await life.crash()
  expect(await next.state()).toEqual(before)
  expect(await codeOf(next.cluster.ask('openObject', { path: '/lost' }))).toBe('ACTION_LOST')
  expect(await next.cluster.ask('servers', {})).toMatchObject({
    // None of them has come back yet.
    servers: [{ state: 'suspect' }, { state: 'suspect' }, { state: 'suspect' }],
  })
  expect(next.cluster.register(active.head, new FakeConnection(active.head.incarnation))).toMatchObject({})
  await next.end()
})

test('an undeployed bundle stays away, its code as long as an object lives that was made of it', async () => {
  const life = await Life.begin()
  const { active } = join(life)
  active.connection.respond({ name: 'inspectBundle' } as never, () => ({ classes: [{ name: 'Own', calls: [] }] }))
  const deploy = async (name: string) =>
    (await life.cluster.stream('deploy', { name }, [Buffer.from(`the code of ${name}`)])).answer.version
  const versions = [await deploy('idle'), await deploy('used')]
  await life.cluster.ask('create', { path: '/a', type: 'action' })
  await life.cluster.ask('createObject', { path: '/a', definition: 'used/Own' })
  for (const name of ['idle', 'used']) await life.cluster.ask('undeploy', { name, force: true })

  const next = await life.crash()
  const names = (await next.cluster.ask('definitions', {})).bundles.map(({ name }) => name)
  expect(names).toEqual(['std'])
  const fetched = versions.map(version => codeOf(next.cluster.stream('fetchBundle', { version })))
  expect(await Promise.all(fetched)).toEqual(['NOT_FOUND', 'no error'])
  const connection = new FakeConnection(active.head.incarnation)
  connection.respond(catalogue.stopObject, () => ({}))
  connection.respondBytes(catalogue.listObjects, () => ({ head: {}, body: encodeInventory([]) }))
  next.cluster.register(active.head, connection)
  await next.cluster.ask('delete', { path: '/a' })

  const last = await next.crash()
  for (const version of versions) expect(await codeOf(last.cluster.stream('fetchBundle', { version }))).toBe('NOT_FOUND')
  await last.end()
})

test('what a server holds that the journal does not know is cleared up when it comes back', async () => {
  const life = await Life.begin()
  const { one, active } = join(life)
  await write(life.cluster, { path: '/file', mode: 'put', storageClass: ['dram'] }, 150)
  for (const at of ['/lives', '/gone']) {
    await life.cluster.ask('create', { path: at, type: 'action' })
    await life.cluster.ask('createObject', { path: at, definition: 'Merge' })
  }
  const { cluster, end } = await life.crash().then(next => ({ cluster: next.cluster, end: () => next.end() }))
  const held = (await locations(cluster, '/file')).map(({ generation, index }) => ({ index, ...generation, bytes: 100 }))
  const orphan = { index: 30, epoch: 1, counter: 1, bytes: 5 }
  const storage = new FakeConnection(one.head.incarnation)
  const rows = (first: number) => [...held, orphan].filter(({ index }) => index >= first)
  storage.respondBytes(catalogue.listBlocks, ({ first }) => ({ head: {}, body: encodeInventory(rows(first)) }))
  cluster.register(one.head, storage)

  const lives = await cluster.ask('openObject', { path: '/lives' })
  const { block, generation } = readLocation(Buffer.from(lives.location, 'base64url'))
  const objects = [
    { index: block, ...generation, bytes: 0 },
    { index: 3, epoch: 1, counter: 2, bytes: 0 },
  ]
  const back = new FakeConnection(active.head.incarnation)
  back.respondBytes(catalogue.listObjects, () => ({ head: {}, body: encodeInventory(objects) }))
  cluster.register(active.head, back)
  // While the slots are being looked through none is given out.
  await cluster.ask('create', { path: '/new', type: 'action' })
  await cluster.ask('createObject', { path: '/new', definition: 'Merge' })
  expect(back.requests.map(({ name }) => name)).toEqual(['listObjects', 'listObjects', 'stopObject', 'startObject'])
  expect(back.sent(catalogue.stopObject)).toEqual([{ slot: 3, epoch: 1, counter: 2, mode: 'abort' }])
  expect(await codeOf(cluster.ask('openObject', { path: '/gone' }))).toBe('ACTION_LOST')
  expect((await cluster.ask('stat', { path: '/lives' })).object?.state).toBe('live')
  expect(storage.sent(catalogue.freeBlocks)).toEqual([{ blocks: [[30, 1, 1]] }])
  await end()
})

/** Operations that a client may send, small enough to meet each other often. */
const names = fc.constantFrom('/a', '/b', '/a/x', '/b/x', '/a/y', '/b/x/z')
const operations = fc.oneof(
  fc.record({
    name: fc.constant('create' as const),
    head: fc.record({
      path: names,
      type: fc.constantFrom('file' as const, 'directory' as const, 'table' as const, 'bag' as const, 'action' as const),
      ifExists: fc.constantFrom('error' as const, 'replace' as const),
    }),
  }),
  fc.record({ name: fc.constant('delete' as const), head: fc.record({ path: names, recursive: fc.boolean() }) }),
  fc.record({ name: fc.constant('rename' as const), head: fc.record({ from: names, to: names }) }),
  fc.record({ name: fc.constant('takeLease' as const), head: fc.record({ path: names, ttlMs: fc.constant(10_000) }) }),
  fc.record({ name: fc.constant('put' as const), head: fc.record({ path: names }), size: fc.integer({ min: 0, max: 20 }) }),
  fc.record({
    name: fc.constant('write' as const),
    head: fc.record({ path: names, mode: fc.constantFrom('put' as const, 'append' as const, 'replace' as const) }),
    size: fc.integer({ min: 0, max: 450 }),
  }),
)
type Asked = typeof operations extends fc.Arbitrary<infer O> ? O : never

async function carryOut(cluster: FakeCluster, asked: Asked): Promise<unknown> {
  if (asked.name === 'write') return write(cluster, asked.head, asked.size)
  if (asked.name === 'put') return cluster.askBytes('put', asked.head, Buffer.alloc(asked.size, 'p'))
  return cluster.ask(asked.name, asked.head)
}

test('whatever was done, a crash changes nothing that can be seen, and again after more was done', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(operations, { maxLength: 25 }), { minLength: 1, maxLength: 3 }), async lives => {
      let life = await Life.begin()
      const servers = join(life)
      for (const asked of lives) {
        for (const one of asked)
          await carryOut(life.cluster, one).catch((error: GliderError) => expect(error.code).not.toBe('INTERNAL'))
        const before = await life.state()
        life = await life.crash()
        expect(await life.state()).toEqual(before)
        for (const { head } of Object.values(servers)) life.cluster.register(head, new FakeConnection(head.incarnation))
      }
      await life.cluster.ask('usage', {})
      await life.end()
    }),
    { numRuns: 60 },
  )
})

test('a block is never given to two, and generations rise over a restart', async () => {
  const life = await Life.begin()
  join(life)
  await write(life.cluster, { path: '/first', mode: 'put' }, 300)
  await life.cluster.ask('delete', { path: '/first' })
  await write(life.cluster, { path: '/kept', mode: 'put' }, 150)
  const kept = await locations(life.cluster, '/kept')
  const next = await life.crash()
  await write(next.cluster, { path: '/new', mode: 'put' }, 400)
  const fresh = await locations(next.cluster, '/new')
  expect(await locations(next.cluster, '/kept')).toEqual(kept)
  expect(fresh.map(({ block }) => block).some(block => kept.some(one => one.block === block))).toBe(false)
  expect(Math.min(...fresh.map(({ epoch }) => epoch))).toBeGreaterThan(Math.max(...kept.map(({ epoch }) => epoch)))
  await next.end()
})

interface Found {
  readonly block: string
  readonly index: number
  readonly epoch: number
  readonly generation: Generation
}

async function locations(cluster: FakeCluster, at: string): Promise<Found[]> {
  const { head } = await cluster.askBytes('openRead', { path: at })
  return head.locations.map(location => {
    const bytes = Buffer.from(location, 'base64url')
    const { incarnation, block, generation } = readLocation(bytes)
    return { block: `${incarnation} ${block}`, index: block, epoch: generation.epoch, generation }
  })
}

test('a repeat gets the first answer from the next life, until the client has said that it has it', async () => {
  const life = await Life.begin()
  join(life)
  const first = await life.cluster.ask('create', { path: '/once', type: 'file', sequence: 1, acknowledged: 0 })
  await life.cluster.ask('rename', { from: '/once', to: '/moved', sequence: 2, acknowledged: 0 })
  const next = await life.crash()
  expect(await next.cluster.ask('create', { path: '/once', type: 'file', sequence: 1, acknowledged: 0 })).toEqual(first)
  await next.cluster.ask('rename', { from: '/once', to: '/moved', sequence: 2, acknowledged: 0 })
  expect(next.cluster.server.stats().keptAnswers).toBe(2)
  await next.cluster.ask('create', { path: '/other', type: 'file', sequence: 3, acknowledged: 2 })
  const last = await next.crash()
  expect(last.cluster.server.stats().keptAnswers).toBe(1)
  expect(await codeOf(last.cluster.ask('create', { path: '/moved', type: 'file', sequence: 4, acknowledged: 3 }))).toBe(
    'ALREADY_EXISTS',
  )
  await last.end()
})

test('a writer goes on over a restart, and one that does not come back loses its claim', async () => {
  const life = await Life.begin()
  const { one, two } = join(life)
  await life.cluster.ask('create', { path: '/file', type: 'file' })
  await life.cluster.ask('create', { path: '/other', type: 'file' })
  const other = new FakeConnection('other')
  const opening = { path: '/file', mode: 'replace', sequence: 1, acknowledged: 0 } as const
  const { head: opened } = await life.cluster.askBytes('openWrite', opening)
  await life.cluster.askBytes('openWrite', { path: '/other', mode: 'append' }, undefined, other)
  await life.cluster.ask('extend', { claim: opened.claim, blocks: 2 })

  const { cluster, ...next } = await life.crash().then(crashed => ({ cluster: crashed.cluster, end: () => crashed.end() }))
  for (const { head } of [one, two]) cluster.register(head, new FakeConnection(head.incarnation))
  expect(await codeOf(cluster.askBytes('openWrite', { path: '/file', mode: 'replace' }))).toBe('BUSY')
  const repeated = await cluster.askBytes('openWrite', opening)
  expect(repeated.head).toEqual(opened)
  await cluster.live(29_000, one, two)
  expect(await codeOf(cluster.askBytes('openWrite', { path: '/other', mode: 'append' }))).toBe('BUSY')
  await cluster.live(1_000, one, two)
  await cluster.askBytes('openWrite', { path: '/other', mode: 'append' })
  await cluster.ask('commit', { claim: opened.claim, size: 250, close: true })
  expect((await cluster.ask('stat', { path: '/file' })).size).toBe(250)
  await next.end()
})

test('a claim that changes in the turn in which the server stops is found with its blocks, though it ends with the connection', async () => {
  const life = await Life.begin()
  join(life)
  await life.cluster.ask('create', { path: '/file', type: 'file' })
  const writer = new FakeConnection('writer')
  const opening = { path: '/file', mode: 'replace', blocks: 3 } as const
  const { head: opened } = await life.cluster.askBytes('openWrite', opening, undefined, writer)
  const extending = codeOf(life.cluster.ask('extend', { claim: opened.claim, blocks: 2 }, writer))
  life.journal.seal()
  writer.close()
  expect(await extending).toBe('no error')
  await life.end()
  const next = await Life.begin(life.directory)
  const back = new FakeConnection('writer')
  await next.cluster.ask('commit', { claim: opened.claim, size: 250, close: true }, back)
  expect((await next.cluster.ask('stat', { path: '/file' })).size).toBe(250)
  await next.end()
})

test('a claim whose client is there ends with its connection, in the next life as well', async () => {
  const life = await Life.begin()
  join(life)
  await life.cluster.ask('create', { path: '/file', type: 'file' })
  await life.cluster.askBytes('openWrite', { path: '/file', mode: 'append' })
  const next = await life.crash()
  const again = new FakeConnection('client')
  await next.cluster.ask('exists', { path: '/' }, again)
  again.close()
  await next.cluster.askBytes('openWrite', { path: '/file', mode: 'append' }, undefined, new FakeConnection('another'))
  await next.end()
})

test('an answer is kept although another of its turn was not needed to the end of that', async () => {
  const life = await Life.begin()
  const { cluster } = life
  const gone = new FakeConnection('gone')
  const create = { path: '/once', type: 'file', sequence: 1 } as const
  const opened = cluster.askBytes('openWrite', { path: '/put', mode: 'put', blocks: 0, sequence: 1 }, undefined, gone)
  gone.close()
  const first = await cluster.ask('create', create)
  await opened
  const next = await life.crash()
  expect(await next.cluster.ask('create', create)).toEqual(first)
  await next.end()
})

test('the answer to a deletion is kept as soon as nobody sees the node any more', async () => {
  const life = await Life.begin()
  const { cluster } = life
  await cluster.ask('create', { path: '/d', type: 'directory' })
  for (let i = 0; i < 400; i += 1) await cluster.ask('create', { path: `/d/${i}`, type: 'bag' })
  const deletion = { path: '/d', recursive: true, sequence: 1 }
  let told = false
  void cluster.ask('delete', deletion).then(() => {
    told = true
  })
  await settle()
  expect(told).toBe(false)
  const next = await life.crash()
  await next.cluster.ask('create', { path: '/d', type: 'file' })
  expect(await next.cluster.ask('delete', deletion)).toEqual({ deleted: true })
  expect(await next.cluster.ask('exists', { path: '/d' })).toEqual({ exists: true })
  await next.end()
})

test('an answer that went with its caller is not there again in the next life', async () => {
  const life = await Life.begin()
  join(life)
  const opening = { path: '/put', mode: 'put', sequence: 1 } as const
  const gone = new FakeConnection('writer')
  const both = [
    life.cluster.askBytes('openWrite', opening, undefined, gone),
    life.cluster.ask('create', { path: '/file', type: 'file', sequence: 1 }),
  ]
  await Promise.all(both)
  gone.close()
  await life.cluster.ask('usage', {})
  const next = await life.crash()
  const { head } = await next.cluster.askBytes('openWrite', opening, undefined, new FakeConnection('writer'))
  await next.cluster.ask('commit', { claim: head.claim, size: 0, close: true })
  await next.end()
})

test('what a deletion was still freeing is freed by the next life', async () => {
  const life = await Life.begin()
  join(life)
  await life.cluster.ask('create', { path: '/d', type: 'directory' })
  for (let i = 0; i < 400; i += 1) await life.cluster.ask('create', { path: `/d/${i}`, type: 'bag' })
  // The later slices of the deletion come with the cluster's clock only; the journal's turn comes by itself.
  void life.cluster.ask('delete', { path: '/d', recursive: true })
  await settle()
  expect(life.cluster.server.stats().nodes).toBeGreaterThan(0)
  const next = await life.crash()
  await next.cluster.clock.advance(1)
  expect(next.cluster.server.stats().nodes).toBe(0)
  const last = await next.crash()
  expect(last.cluster.server.stats().nodes).toBe(0)
  await last.end()
})

test('a server that is draining, and one that was removed, stay so', async () => {
  const life = await Life.begin()
  const { two } = join(life)
  await life.cluster.ask('drainServer', { id: 'storage-1' })
  await life.cluster.ask('removeServer', { id: 'storage-2' })
  const next = await life.crash()
  const { servers } = await next.cluster.ask('servers', {})
  expect(servers.map(({ id, state }) => [id, state])).toContainEqual(['storage-1', 'draining'])
  expect(await messageOf(Promise.resolve().then(() => next.cluster.register(two.head, new FakeConnection('x'))))).toContain(
    'taken out',
  )
  next.cluster.joinStorage(1, { incarnation: 'another-0001', address: 'another:1' })
  expect((await next.cluster.ask('servers', {})).servers.map(({ id }) => id)).toContain('storage-3')
  await next.end()
})

test('a server that does not come back is dead, and what it held is lost', async () => {
  const life = await Life.begin()
  const { two } = join(life)
  await write(life.cluster, { path: '/file', mode: 'put', storageClass: ['dram'] }, 250)
  const next = await life.crash()
  next.cluster.register(two.head, new FakeConnection(two.head.incarnation))
  await next.cluster.live(6_000, two)
  expect(await codeOf(next.cluster.askBytes('openRead', { path: '/file' }))).toBe('DATA_LOST')
  const last = await next.crash()
  expect(await codeOf(last.cluster.askBytes('openRead', { path: '/file' }))).toBe('DATA_LOST')
  expect((await last.cluster.ask('stat', { path: '/file' })).lostBytes).toBe(250)
  expect(await last.cluster.ask('delete', { path: '/file' })).toEqual({ deleted: true })
  await last.end()
})

test('two servers cannot have one directory, and another block size is refused', async () => {
  const life = await Life.begin()
  expect(await messageOf(Life.begin(life.directory))).toContain(`process id ${process.pid}`)
  await life.end()
  expect(await messageOf(Life.begin(life.directory, { blockBytes: 200 }))).toContain('--block-size 100')
  await (await Life.begin(life.directory)).end()
  const file = path.join(root, 'file')
  await writeFile(file, '')
  expect(await messageOf(Life.begin(file))).toContain('--state-dir')
  expect(await readdir(life.directory)).not.toContain('glider.lock')
})

test('with sync an answer waits for the disk, and what it tells of is there', async () => {
  const life = await Life.begin(newFolder(), {}, true)
  await Promise.all(['/a', '/b'].map(at => life.cluster.ask('create', { path: at, type: 'directory' })))
  await life.cluster.askBytes('put', { path: '/a/file' }, Buffer.from('bytes'))
  const next = await life.crash()
  expect((await next.cluster.askBytes('get', { path: '/a/file' })).body.toString()).toBe('bytes')
  await next.end()
})

test('once something cannot be written nothing is acknowledged any more, and the server is told', async () => {
  const life = await Life.begin()
  await life.cluster.ask('create', { path: '/before', type: 'file' })
  const unwritable = {
    name: 'bundle',
    classes: [],
    get version(): string {
      throw new Error('no room')
    },
  }
  life.journal.keep('bundle', unwritable)
  expect(await codeOf(life.cluster.ask('create', { path: '/with', type: 'file' }))).toBe('UNAVAILABLE')
  expect(await messageOf(life.cluster.ask('create', { path: '/after', type: 'file' }))).toContain('cannot be written (no room)')
  expect(failures.map(({ code }) => code)).toEqual(['UNAVAILABLE'])
  const next = await life.crash()
  expect(await next.cluster.ask('list', { path: '/' })).toMatchObject({ entries: [{ name: 'before' }] })
  await next.end()
})

test('with sync, too, nothing is written of a turn that cannot be written', async () => {
  const life = await Life.begin(newFolder(), {}, true)
  await life.cluster.ask('create', { path: '/before', type: 'file' })
  const made = life.cluster.ask('create', { path: '/with', type: 'file' })
  const unwritable = {
    version: 'v1',
    get bytes(): Buffer {
      throw new Error('no room')
    },
  }
  life.journal.keep('code', unwritable)
  expect(await codeOf(made)).toBe('UNAVAILABLE')
  await life.end()
  const next = await Life.begin(life.directory)
  expect(await next.cluster.ask('list', { path: '/' })).toMatchObject({ entries: [{ name: 'before' }] })
  await next.end()
})

test('a namespace, its token and what is in it are there after a restart, and a deleted one is not', async () => {
  const life = await Life.begin()
  const hash = (digit: string): string => digit.repeat(64)
  await life.cluster.ask('createNamespace', { name: 'kept', tokenHash: hash('a'), classes: ['disk'] })
  await life.cluster.ask('createNamespace', { name: 'rotated', tokenHash: hash('b') })
  await life.cluster.ask('rotateToken', { name: 'rotated', tokenHash: hash('c') })
  await life.cluster.ask('createNamespace', { name: 'deleted', tokenHash: hash('d') })
  await life.cluster.ask('deleteNamespace', { name: 'deleted' })
  const next = await life.crash()
  const { namespaces } = await next.cluster.ask('listNamespaces', {})
  expect(namespaces.map(({ name, hasToken, classes }) => [name, hasToken, classes])).toEqual([
    ['default', false, undefined],
    ['kept', true, ['disk']],
    ['rotated', true, undefined],
  ])
  expect(await codeOf(next.cluster.ask('createNamespace', { name: 'new', tokenHash: hash('b') }))).toBe('no error')
  expect(await codeOf(next.cluster.ask('createNamespace', { name: 'another', tokenHash: hash('c') }))).toBe('INVALID_ARGUMENT')
  await next.end()
})

test('an orderly stop keeps what was done in its last turn as it was then, before the connections of writers go', async () => {
  const life = await Life.begin()
  join(life)
  await life.cluster.ask('create', { path: '/file', type: 'file' })
  const writer = new FakeConnection('writer')
  const head = { path: '/file', mode: 'replace', sequence: 1, acknowledged: 0 } as const
  const opened = life.cluster.askBytes('openWrite', head, undefined, writer)
  life.journal.seal()
  writer.close()
  await opened
  await life.end()
  const next = await Life.begin(life.directory)
  const again = new FakeConnection('writer')
  const { claim } = (await next.cluster.askBytes('openWrite', head, undefined, again)).head
  await next.cluster.ask('commit', { claim, size: 0, close: true }, again)
  expect(await codeOf(next.cluster.askBytes('openWrite', { path: '/file', mode: 'replace' }))).toBe('no error')
  await next.end()
})

test('an active server whose namespace was deleted stands in the way of no start', async () => {
  const life = await Life.begin()
  await life.cluster.ask('createNamespace', { name: 'brief', tokenHash: '0'.repeat(64) })
  const server = life.cluster.joinActive(2, { namespace: 'brief' })
  expect(await life.cluster.ask('deleteNamespace', { name: 'brief' })).toEqual({ deleted: true })
  const next = await life.crash()
  expect((await next.cluster.ask('servers', {})).servers).toEqual([])
  expect(await codeOf(() => next.cluster.register(server.head, new FakeConnection('back')))).toBe('FORBIDDEN')
  await next.end()
})

test('an active server of a namespace whose deletion was cut off stands in the way of no start', async () => {
  const life = await Life.begin()
  await life.cluster.ask('createNamespace', { name: 'brief', tokenHash: '0'.repeat(64) })
  const server = life.cluster.joinActive(2, { namespace: 'brief' })
  const deleted = life.cluster.ask('deleteNamespace', { name: 'brief' })
  deleted.catch(() => undefined)
  await life.journal.settled()
  const cut = await life.crash()
  await settle()
  const next = await cut.crash()
  expect(await codeOf(() => next.cluster.register(server.head, new FakeConnection('back')))).toMatch(/^(FORBIDDEN|NOT_FOUND)$/)
  expect((await next.cluster.ask('listNamespaces', {})).namespaces.map(({ name }) => name)).toEqual(['default'])
  await next.end()
})

test('what an action asks for while its namespace is being deleted is refused, and the next start finds nothing of it', async () => {
  const life = await Life.begin()
  const { cluster } = life
  await cluster.ask('createNamespace', { name: 'brief', tokenHash: '0'.repeat(64) })
  const server = cluster.joinActive(2, { namespace: 'brief', tokenHash: hashToken('of its actions') })
  const action = new FakeConnection('action')
  action.principal = cluster.server.access.admit({ ...action.peer, token: 'of its actions' }, action)
  await cluster.ask('create', { path: '/a', type: 'action' }, action)
  await cluster.ask('createObject', { path: '/a', definition: 'std/Merge' }, action)
  // Its onDelete has a last word to write down.
  const late: Promise<string>[] = []
  server.connection.respond(catalogue.stopObject, async () => {
    late.push(codeOf(cluster.askBytes('put', { path: '/last-words' }, Buffer.from('bye'), action)))
    late.push(codeOf(cluster.ask('create', { path: '/late', type: 'directory' }, action)))
    await Promise.all(late)
    return {}
  })
  expect(await cluster.ask('deleteNamespace', { name: 'brief', force: true })).toEqual({ deleted: true })
  expect(await Promise.all(late)).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED'])
  expect(cluster.server.stats()).toMatchObject({ nodes: 0, inlineBytes: 0 })
  const next = await life.crash()
  expect(next.cluster.server.stats()).toMatchObject({ nodes: 0, inlineBytes: 0 })
  await next.end()
})
