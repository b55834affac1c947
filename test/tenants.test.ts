/** Two tenants of one cluster, each with files, a table, a bag, a lease, a claim, an action; and what one can do to the other. */
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { StoreClient } from 'glider'
import { LocalCluster } from 'glider/cluster'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ChildServer } from '../cluster/child-server.ts'
import { readHead, writeHead } from '../protocol/block-operations.ts'
import { type AnswerOf, catalogue, type HeadOf } from '../protocol/catalogue.ts'
import { systemClock } from '../protocol/clock.system.ts'
import { ConnectionCore, connectionContext } from '../protocol/connection.ts'
import { dial } from '../protocol/dial.system.ts'
import type { GliderError } from '../protocol/errors.ts'
import type { Operation } from '../protocol/operation.ts'
import type { Hello } from '../protocol/peer.ts'
import { codeOf, failureOf } from './support/failure.ts'
import { temporaryFolder } from './support/shared-cluster.ts'

const clusterSecret = 'a secret of the cluster, for this test alone'
const adminToken = 'the token of the operator, for this test alone'
const MIB = 1 << 20
const SECRET_TEXT = 'what nobody else may see'

let cluster: LocalCluster
let operator: StoreClient
const tokens = { ours: '', theirs: '' }
let ours: StoreClient
let theirs: StoreClient
const connections: ConnectionCore[] = []

beforeAll(async () => {
  const limits = { capacity: '64MiB', slots: 4, threads: 1, activeServers: 0 } as const
  cluster = await LocalCluster.start({
    ...limits,
    clusterSecret,
    adminToken,
    storageClasses: ['dram', 'fast'],
    logLevel: 'silent',
  })
  operator = await StoreClient.connect(cluster.address, { token: adminToken })
  for (const name of ['ours', 'theirs'] as const) {
    tokens[name] = (await operator.createNamespace(name)).token
    await cluster.addServer('active', { namespace: name })
  }
  ours = await StoreClient.connect(cluster.address, { token: tokens.ours })
  theirs = await StoreClient.connect(cluster.address, { token: tokens.theirs, namespace: 'theirs' })
})

afterAll(async () => {
  for (const connection of connections) connection.close()
  for (const store of [ours, theirs, operator]) await store?.close()
  await cluster?.stop()
})

async function connect(
  hello: Partial<Hello>,
  address = new URL(cluster.address).host,
  webSocket = false,
): Promise<ConnectionCore> {
  const connection = new ConnectionCore(connectionContext(systemClock), {
    transport: await dial(address, { webSocket }),
    side: 'dialled',
    hello: { role: 'client', clientId: 'a-client', ...hello },
  })
  connections.push(connection)
  return connection.start()
}

async function rest(operation: string, body: object, token?: string): Promise<{ status: number; text: string }> {
  const headers = { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) }
  const answer = await fetch(`${cluster.address}/v1/${operation}`, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: answer.status, text: await answer.text() }
}

describe('a client', () => {
  it('needs a token, and one that is known', async () => {
    expect(await codeOf(StoreClient.connect(cluster.address))).toBe('UNAUTHENTICATED')
    for (const token of ['', 'x', tokens.ours.slice(1), `${tokens.ours}A`]) {
      expect(await codeOf(StoreClient.connect(cluster.address, { token }))).toBe('UNAUTHENTICATED')
    }
    expect(await codeOf(StoreClient.connect(cluster.address.replace('http', 'ws'), { token: 'x' }))).toBe('UNAUTHENTICATED')
    expect((await rest('list', { path: '/' })).status).toBe(401)
    expect((await rest('list', { path: '/' }, 'x')).status).toBe(401)
  })

  it('is in the namespace of its token, whatever it says', async () => {
    expect(await codeOf(StoreClient.connect(cluster.address, { token: tokens.ours, namespace: 'theirs' }))).toBe('FORBIDDEN')
    expect(await codeOf(StoreClient.connect(cluster.address, { token: tokens.ours, namespace: 'default' }))).toBe('FORBIDDEN')
    expect(await codeOf(StoreClient.connect(cluster.address, { token: adminToken, namespace: 'ours' }))).toBe('FORBIDDEN')
  })

  it.each(
    (Object.values(catalogue) as Operation[])
      .filter(({ by }) => by === 'operator' || by === 'server')
      .map(({ name, by, server }) => [name, by, server] as const),
  )('of a namespace may not ask for %s', async (name, by, server) => {
    if (server !== 'metadata') return
    const connection = await connect({ token: tokens.ours })
    const operation = catalogue[name as keyof typeof catalogue] as Operation
    const asked = operation.bytes === 'download' ? connection.open(operation, {}).read() : connection.request(operation, {})
    expect(await failureOf(asked)).toMatchObject({ code: 'FORBIDDEN', message: expect.stringContaining(by) })
    const answer = await rest(name, {}, tokens.ours)
    expect(answer.status).toBe(operation.internal ? 404 : 403)
  })
})

describe('the same names in two namespaces', () => {
  it('are two things', async () => {
    await ours.put('/shared', 'ours')
    await theirs.put('/shared', 'theirs')
    expect(String(await ours.get('/shared'))).toBe('ours')
    expect(String(await theirs.get('/shared'))).toBe('theirs')
    await ours.delete('/shared')
    expect(await theirs.exists('/shared')).toBe(true)
    expect(await operator.exists('/shared')).toBe(false)
    expect((await ours.usage()).nodes).toBe(0)
    expect(await theirs.usage()).toMatchObject({ nodes: 1, storedBytes: 6, blocks: 0, slots: 0 })
    await theirs.delete('/shared')
  })

  it('are two bundles, and the objects of each are on its own server', async () => {
    await using folder = await temporaryFolder()
    const deploy = async (store: StoreClient, who: string): Promise<void> => {
      const source = `import { Action } from 'glider/action'
        export class Who extends Action {
          static calls = ['who', 'look', 'reach']
          who() { return '${who}' }
          async look(path) { return this.store.exists(path) }
          async reach(path) { return String(await this.store.get(path)) }
        }`
      await writeFile(path.join(folder.path, 'who.ts'), source)
      await store.deploy(path.join(folder.path, 'who.ts'))
    }
    await deploy(ours, 'ours')
    expect(await theirs.definitions()).toEqual([expect.objectContaining({ name: 'std' })])
    await deploy(theirs, 'theirs')
    await ours.put('/own', SECRET_TEXT)
    for (const [store, who] of [
      [ours, 'ours'],
      [theirs, 'theirs'],
    ] as const) {
      const node = await store.create('/who', 'action')
      await node.create('Who')
      expect(await node.call('who')).toBe(who)
      expect(await node.call('look', '/own')).toBe(store === ours)
    }
    const node = await theirs.lookup('/who', 'action')
    expect(await codeOf(node.call('reach', '/own'))).toBe('ACTION_FAILED')
    expect(await (await ours.lookup('/who', 'action')).call('reach', '/own')).toBe(SECRET_TEXT)
    expect((await theirs.usage()).slots).toBe(1)
    for (const store of [ours, theirs]) {
      await store.delete('/who')
      await store.undeploy('who')
    }
    await ours.delete('/own')
  })
})

describe('what belongs to one namespace', () => {
  /** What a stranger would need to know, all of it known. */
  interface Booty {
    readonly node: number
    readonly table: number
    readonly bag: number
    readonly action: number
    readonly lease: number
    readonly claim: string
    readonly version: number
    readonly writeLocation: string
  }

  async function hoard(connection: ConnectionCore): Promise<Booty> {
    const create = async (at: string, type: 'file' | 'table' | 'bag' | 'action'): Promise<number> =>
      (await connection.request(catalogue.create, { path: at, type })).head.node
    await connection.request(catalogue.put, { path: '/hoard' }, { body: Buffer.from(SECRET_TEXT) })
    const { head: opened } = await connection.request(catalogue.openRead, { path: '/hoard' })
    const { head: write } = await connection.request(catalogue.openWrite, { path: '/hoard', mode: 'replace', blocks: 1 })
    const { head: lease } = await connection.request(catalogue.takeLease, { path: '/hoard', ttlMs: 60_000 })
    return {
      node: opened.node,
      version: opened.version,
      table: await create('/table', 'table'),
      bag: await create('/bag', 'bag'),
      action: await create('/action', 'action'),
      lease: lease.lease,
      claim: write.claim,
      writeLocation: write.locations[0]!,
    }
  }

  type Attempt = readonly [keyof typeof catalogue, (booty: Booty) => object]

  const attempts: readonly Attempt[] = [
    ['lookup', () => ({ path: '/hoard' })],
    ['stat', ({ node }) => ({ node })],
    ['stat', ({ table }) => ({ node: table, key: 'k' })],
    ['list', ({ table }) => ({ node: table })],
    ['rename', () => ({ from: '/hoard', to: '/mine' })],
    ['takeLease', ({ node }) => ({ node, ttlMs: 1 })],
    ['renewLease', ({ node, lease }) => ({ node, lease })],
    ['releaseLease', ({ node, lease }) => ({ node, lease })],
    ['openWrite', ({ node }) => ({ node, mode: 'update' })],
    ['openWrite', ({ bag }) => ({ node: bag, mode: 'append' })],
    ['extend', ({ claim }) => ({ claim, blocks: 1 })],
    ['replaceBlock', ({ claim, writeLocation }) => ({ claim, location: writeLocation })],
    ['commit', ({ claim }) => ({ claim, size: 0, close: true })],
    ['openRead', ({ node }) => ({ node })],
    ['locate', ({ node, version }) => ({ node, version, first: 0, blocks: 1 })],
    ['locate', ({ node, version, claim }) => ({ node, version, claim, first: 0, blocks: 1 })],
    ['put', ({ table }) => ({ node: table, key: 'k' })],
    ['get', ({ node }) => ({ node })],
    ['locateParts', ({ bag }) => ({ node: bag })],
    ['createObject', ({ action }) => ({ node: action, definition: 'std/Merge' })],
    ['deleteObject', ({ action }) => ({ node: action })],
    ['openObject', ({ action }) => ({ node: action })],
    ['delete', ({ node }) => ({ node, recursive: true })],
  ]

  const harmless: readonly Attempt[] = [
    ['exists', () => ({ path: '/hoard' })],
    ['delete', () => ({ path: '/hoard' })],
    ['release', ({ claim }) => ({ claim })],
    ['undeploy', () => ({ name: 'hoard' })],
    ['list', () => ({ path: '/' })],
    ['usage', () => ({})],
    ['definitions', () => ({})],
  ]

  it.each([false, true])('is out of reach of another, by every operation and face (WebSocket: %s)', async webSocket => {
    const owner = await connect({ token: tokens.ours, clientId: 'owner' })
    const booty = await hoard(owner)
    // The id of another client is nothing that keeps anybody out, and its kept answers are not told.
    const thief = await connect({ token: tokens.theirs, clientId: 'owner' }, undefined, webSocket)
    for (const [name, head] of attempts) {
      const operation = catalogue[name] as Operation
      const failure = await failureOf(thief.request(operation, head(booty)))
      // A claim of somebody else is one that is not there, as after its writer was cut off.
      const isOfClaim = 'claim' in head(booty)
      const codes = isOfClaim ? /^(NOT_FOUND|BLOCK_GONE|UNAVAILABLE)$/ : /^(NOT_FOUND|BLOCK_GONE)$/
      expect([name, failure.code]).toEqual([name, expect.stringMatching(codes)])
      const answer = await rest(name, head(booty), tokens.theirs)
      const isRefusal = (status: number): boolean => (status >= 400 && status < 500) || (isOfClaim && status === 503)
      expect([name, answer.status]).toEqual([name, expect.toSatisfy(isRefusal)])
      expect(answer.text).not.toContain(SECRET_TEXT)
    }
    for (const [name, head] of harmless) {
      const { head: answer } = await thief.request<unknown, unknown>(catalogue[name], head(booty))
      expect(JSON.stringify(answer)).not.toContain('hoard')
    }
    const covered = new Set<string>([...attempts, ...harmless].map(([name]) => name))
    for (const { name, server, by } of Object.values(catalogue)) {
      if (server !== 'metadata' || by !== 'tenant') continue
      expect(covered.has(name) || ['create', 'deploy', 'echo'].includes(name), `${name} is tried`).toBe(true)
    }
    // All of it is as it was, the claim included.
    expect(String((await owner.request(catalogue.get, { path: '/hoard' })).body)).toBe(SECRET_TEXT)
    await owner.request(catalogue.renewLease, { node: booty.node, lease: booty.lease })
    await owner.request(catalogue.release, { claim: booty.claim })
    for (const at of ['/hoard', '/table', '/bag', '/action']) await owner.request(catalogue.delete, { path: at })
    owner.close()
    thief.close()
  })

  it('is not told by the answers that are kept for its clients', async () => {
    const create = { path: '/kept', type: 'file', sequence: 1, acknowledged: 0 } as HeadOf<typeof catalogue.create>
    const owner = await connect({ token: tokens.ours, clientId: 'the same' })
    const thief = await connect({ token: tokens.theirs, clientId: 'the same' })
    const first: AnswerOf<typeof catalogue.create> = (await owner.request(catalogue.create, create)).head
    const other = (await thief.request(catalogue.create, create)).head
    expect(other.node).not.toBe(first.node)
    expect((await owner.request(catalogue.create, create)).head).toEqual(first)
    await ours.delete('/kept')
    await theirs.delete('/kept')
  })
})

/** The ways in which a location can be another's, or nobody's. */
function forgeries(location: Buffer): readonly Buffer[] {
  const changed = Array.from(location, (byte, at) => {
    const copy = Buffer.from(location)
    copy[at] = byte ^ 1
    return copy
  })
  return [...changed, Buffer.alloc(location.length), Buffer.alloc(location.length, 0xff)]
}

describe('a location', () => {
  const raw = (
    connection: ConnectionCore,
    operation: Pick<Operation, 'code' | 'name'>,
    head: Buffer,
    body?: Buffer,
  ): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const answered = (_head: Buffer, bytes: Buffer): void => resolve(Buffer.from(bytes))
      connection.requestRaw(operation, head, body, { place: () => undefined, answered, failed: reject })
    })

  it('of a block is good as it was given out and until the block is freed, and in no other form', async () => {
    await ours.put('/file', Buffer.alloc(MIB, SECRET_TEXT))
    const owner = await connect({ token: tokens.ours })
    const { head } = await owner.request(catalogue.openRead, { path: '/file', blocks: 1 })
    const location = Buffer.from(head.locations[0]!, 'base64url')
    const thief = await connect({ token: tokens.theirs }, Object.values(head.servers)[0])
    expect(String(await raw(thief, catalogue.readBlock, readHead(location, 0, 24)))).toBe(SECRET_TEXT)
    for (const forged of forgeries(location)) {
      expect(await codeOf(raw(thief, catalogue.readBlock, readHead(forged, 0, 24)))).toMatch(
        /^(FORBIDDEN|BLOCK_GONE|PROTOCOL_ERROR)$/,
      )
    }
    const open = await owner.request(catalogue.openWrite, { path: '/file', mode: 'update', blocks: 1 })
    const writable = Buffer.from(open.head.locations[0]!, 'base64url')
    for (const forged of forgeries(writable)) {
      expect(await codeOf(raw(thief, catalogue.writeBlock, writeHead(forged, 0), Buffer.from('forged')))).toMatch(
        /^(FORBIDDEN|BLOCK_GONE|PROTOCOL_ERROR)$/,
      )
    }
    expect(String(await raw(thief, catalogue.readBlock, readHead(location, 0, 24)))).toBe(SECRET_TEXT)
    await owner.request(catalogue.release, { claim: open.head.claim })
    // Read is not write.
    expect(await codeOf(raw(thief, catalogue.writeBlock, writeHead(location, 0), Buffer.from('x')))).toBe('FORBIDDEN')
    await ours.delete('/file')
    await theirs.put('/file', Buffer.alloc(64 * MIB - (await usedBytes()), 1))
    expect(await codeOf(raw(thief, catalogue.readBlock, readHead(location, 0, 24)))).toBe('BLOCK_GONE')
    await theirs.delete('/file')
  })

  async function usedBytes(): Promise<number> {
    const used = (await operator.servers()).filter(({ storageClass }) => storageClass === 'dram').map(one => one.used)
    return used.reduce((sum, one) => sum + one, 0) * MIB
  }

  it('of an action is good as it was given out and until the object is deleted, and in no other form', async () => {
    const node = await ours.create('/call', 'action')
    await node.create('std/Counter')
    const owner = await connect({ token: tokens.ours })
    const { head } = await owner.request(catalogue.openObject, { path: '/call' })
    const location = Buffer.from(head.location, 'base64url')
    const thief = await connect({ token: tokens.theirs }, head.address)
    const call = (bytes: Buffer): Promise<unknown> =>
      thief.request(catalogue.callAction, { location: bytes.toString('base64url'), name: 'no-such-call' })
    expect(await codeOf(call(location))).toBe('INVALID_ARGUMENT')
    for (const forged of forgeries(location)) {
      expect(await codeOf(call(forged))).toMatch(/^(FORBIDDEN|BLOCK_GONE|PROTOCOL_ERROR)$/)
      const streamed = thief.open(catalogue.readAction, { location: forged.toString('base64url') }).read()
      expect(await codeOf(streamed)).toMatch(/^(FORBIDDEN|BLOCK_GONE|PROTOCOL_ERROR)$/)
      const written = thief.open(catalogue.writeAction, { location: forged.toString('base64url') }).end()
      expect(await codeOf(written)).toMatch(/^(FORBIDDEN|BLOCK_GONE|PROTOCOL_ERROR)$/)
      const whole = raw(thief, catalogue.writeActionWhole, forged, Buffer.from('forged\n'))
      expect(await codeOf(whole)).toMatch(/^(FORBIDDEN|BLOCK_GONE|PROTOCOL_ERROR)$/)
      const logs = thief.open(catalogue.readLogs, { location: forged.toString('base64url') }).read()
      expect(await codeOf(logs)).toMatch(/^(FORBIDDEN|BLOCK_GONE|PROTOCOL_ERROR)$/)
    }
    expect(await node.call('value')).toEqual({ lines: 0, bytes: 0 })
    await node.delete()
    await node.create('std/Counter')
    expect(await codeOf(call(location))).toBe('BLOCK_GONE')
    await ours.delete('/call')
  })
})

describe('a token', () => {
  it('that was rotated or revoked is good for nothing at once, and new ones are', async () => {
    const { token } = await operator.createNamespace('short')
    const store = await StoreClient.connect(cluster.address, { token })
    onTestFinished(() => store.close())
    const connection = await connect({ token })
    const gone = new Promise<GliderError>(resolve => connection.onClose(resolve))
    const { token: another } = await operator.rotateToken('short')
    await gone
    expect(await codeOf(store.exists('/'))).toBe('UNAUTHENTICATED')
    expect((await rest('exists', { path: '/' }, token)).status).toBe(401)
    await using renewed = await StoreClient.connect(cluster.address, { token: another })
    expect(await renewed.exists('/')).toBe(true)
    await operator.revokeToken('short')
    expect(await codeOf(renewed.exists('/'))).toBe('UNAUTHENTICATED')
    expect((await operator.namespaces()).find(({ name }) => name === 'short')).toMatchObject({ hasToken: false })
    expect(await operator.deleteNamespace('short')).toBe(true)
    expect(await operator.deleteNamespace('short')).toBe(false)
  })
})

describe('a namespace', () => {
  it('is there once, has a name of its own, and default is nobody else’s', async () => {
    expect(await codeOf(operator.createNamespace('ours'))).toBe('ALREADY_EXISTS')
    expect(await codeOf(operator.createNamespace('default'))).toBe('ALREADY_EXISTS')
    for (const name of ['', 'Ours', 'a/b', '-a', 'a b', 'a'.repeat(64)]) {
      expect(await codeOf(operator.createNamespace(name))).toBe('INVALID_ARGUMENT')
    }
    expect(await codeOf(operator.deleteNamespace('default'))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(operator.rotateToken('nobody'))).toBe('NOT_FOUND')
  })

  it('is deleted with all that it holds, and its active servers end', async () => {
    const { token } = await operator.createNamespace('brief')
    const server = await cluster.addServer('active', { namespace: 'brief' })
    await using store = await StoreClient.connect(cluster.address, { token })
    await store.put('/file', Buffer.alloc(2 * MIB))
    const action = await store.create('/action', 'action')
    await action.create('std/Merge')
    expect(await codeOf(operator.deleteNamespace('brief'))).toBe('NOT_EMPTY')
    expect(await operator.deleteNamespace('brief', { force: true })).toBe(true)
    expect(await codeOf(store.exists('/file'))).toBe('UNAUTHENTICATED')
    expect((await operator.servers()).map(({ address }) => address)).not.toContain(server.address)
    expect((await operator.servers()).find(({ role }) => role === 'storage')).toMatchObject({ used: 0 })
    expect(await operator.fsck()).toMatchObject({ clean: true })
    await operator.createNamespace('brief')
    await operator.deleteNamespace('brief')
  })

  it('with classes of its own has no others', async () => {
    const { token } = await operator.createNamespace('classy', { classes: ['fast'] })
    await using store = await StoreClient.connect(cluster.address, { token })
    expect(await codeOf(store.put('/file', Buffer.alloc(MIB)))).toBe('NO_SPACE')
    expect(await codeOf(store.put('/file', Buffer.alloc(MIB), { storageClass: 'dram' }))).toBe('INVALID_ARGUMENT')
    await cluster.addServer('storage', { storageClass: 'fast', capacity: '4MiB' })
    await store.put('/file', Buffer.alloc(MIB))
    expect((await store.stat('/file')).storageClass).toBe('fast')
    expect(await operator.deleteNamespace('classy', { force: true })).toBe(true)
  })
})

describe('an active server', () => {
  it('for a namespace that there is not is refused', async () => {
    const flags = ['--metadata', new URL(cluster.address).host, '--port', '0', '--log-level', 'error', '--namespace', 'nobody']
    const started = ChildServer.start('active', flags, {}, { GLIDER_CLUSTER_SECRET: clusterSecret })
    expect(await failureOf(started)).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('nobody') })
  })
})
