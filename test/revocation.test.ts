/** What a token that is taken back ends: not only what is asked of the metadata server, but all that it was ever good for. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { StoreClient } from 'glider'
import { LocalCluster } from 'glider/cluster'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { wholeHead } from '../protocol/action-heads.ts'
import { readHead, writeHead } from '../protocol/block-operations.ts'
import { catalogue } from '../protocol/catalogue.ts'
import { systemClock } from '../protocol/clock.system.ts'
import { ConnectionCore, connectionContext } from '../protocol/connection.ts'
import { dial } from '../protocol/dial.system.ts'
import type { GliderError } from '../protocol/errors.ts'
import type { Operation } from '../protocol/operation.ts'
import { codeOf } from './support/failure.ts'
import { temporaryFolder } from './support/shared-cluster.ts'

const clusterSecret = 'a secret of the cluster, for this test alone'
const adminToken = 'the token of the operator, for this test alone'
const MIB = 1 << 20

let cluster: LocalCluster
let operator: StoreClient
let token: string
const connections: ConnectionCore[] = []

beforeEach(async () => {
  const limits = { capacity: '16MiB', slots: 4, threads: 1, activeServers: 0 } as const
  cluster = await LocalCluster.start({ ...limits, clusterSecret, adminToken, logLevel: 'silent' })
  operator = await StoreClient.connect(cluster.address, { token: adminToken })
  token = (await operator.createNamespace('tenant')).token
  await cluster.addServer('active', { namespace: 'tenant' })
})

afterEach(async () => {
  for (const connection of connections.splice(0)) connection.close()
  await operator?.close()
  await cluster?.stop()
})

async function connect(address: string, withToken?: string): Promise<ConnectionCore> {
  const connection = new ConnectionCore(connectionContext(systemClock), {
    transport: await dial(address),
    side: 'dialled',
    hello: { role: 'client', clientId: 'a-client', ...(withToken !== undefined && { token: withToken }) },
  })
  connections.push(connection)
  return connection.start()
}

function toMetadata(withToken: string): Promise<ConnectionCore> {
  return connect(new URL(cluster.address).host, withToken)
}

function raw(
  connection: ConnectionCore,
  operation: Pick<Operation, 'code' | 'name'>,
  head: Buffer,
  body?: Buffer,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const answered = (_head: Buffer, bytes: Buffer): void => resolve(Buffer.from(bytes))
    connection.requestRaw(operation, head, body, { place: () => undefined, answered, failed: reject })
  })
}

function whenClosed(connection: ConnectionCore): Promise<GliderError> {
  return new Promise(resolve => connection.onClose(resolve))
}

it.each(['rotate', 'revoke'] as const)('to %s a token ends what was located by it, at once and for good', async how => {
  await using tenant = await StoreClient.connect(cluster.address, { token })
  await tenant.put('/file', Buffer.alloc(MIB, 'kept'))
  const owner = await toMetadata(token)
  const { head: read } = await owner.request(catalogue.openRead, { path: '/file', blocks: 1 })
  const { head: write } = await owner.request(catalogue.openWrite, { path: '/file', mode: 'update' })
  const address = Object.values(read.servers)[0]!
  const [reading, writing] = [read.locations[0]!, write.locations[0]!].map(text => Buffer.from(text, 'base64url')) as [
    Buffer,
    Buffer,
  ]
  const before = await connect(address)
  expect(String(await raw(before, catalogue.readBlock, readHead(reading, 0, 4)))).toBe('kept')
  await raw(before, catalogue.writeBlock, writeHead(writing, 0), Buffer.from('last'))
  const closed = whenClosed(before)
  if (how === 'rotate') token = (await operator.rotateToken('tenant')).token
  else await operator.revokeToken('tenant')
  expect((await closed).code).toBe('UNAUTHENTICATED')
  const after = await connect(address)
  expect(await codeOf(raw(after, catalogue.readBlock, readHead(reading, 0, 4)))).toBe('UNAUTHENTICATED')
  expect(await codeOf(raw(after, catalogue.readBlock, readHead(writing, 0, 4)))).toBe('UNAUTHENTICATED')
  expect(await codeOf(raw(after, catalogue.writeBlock, writeHead(writing, 0), Buffer.from('x')))).toBe('UNAUTHENTICATED')
  // The next token opens the same bytes.
  if (how === 'revoke') token = (await operator.rotateToken('tenant')).token
  await using again = await StoreClient.connect(cluster.address, { token })
  expect(String((await again.get('/file')).subarray(0, 8))).toBe('lastkept')
})

it('a write whose bytes are still on their way when its token is taken back is not kept', async () => {
  await using tenant = await StoreClient.connect(cluster.address, { token })
  await tenant.put('/file', Buffer.alloc(MIB, 'kept'))
  const owner = await toMetadata(token)
  const { head } = await owner.request(catalogue.openWrite, { path: '/file', mode: 'update' })
  const location = Buffer.from(head.locations[0]!, 'base64url')
  const slow = await connect(Object.values(head.servers)[0]!)
  const closed = whenClosed(slow)
  await raw(slow, catalogue.writeBlock, writeHead(location, 0), Buffer.from('k'))
  const begun = Array.from({ length: 64 }, () => raw(slow, catalogue.writeBlock, writeHead(location, 0), Buffer.alloc(MIB, 'k')))
  const outcomes = Promise.allSettled(begun)
  await operator.revokeToken('tenant')
  await closed
  const { status } = (await outcomes).at(-1)!
  expect(status).toBe('rejected')
})

it('streams, calls and logs of actions end with the token that they were opened by, and the actions go on', async () => {
  await using tenant = await StoreClient.connect(cluster.address, { token })
  await tenant.put('/own', 'what it reads')
  const node = await tenant.create('/queue', 'action')
  await node.create('std/Queue', { interleaved: true })
  const owner = await toMetadata(token)
  const { head } = await owner.request(catalogue.openObject, { path: '/queue' })
  const { location } = head
  const before = await connect(head.address)
  const closed = whenClosed(before)
  const following = before.open(catalogue.readLogs, { location, follow: true }).read()
  const written = before.open(catalogue.writeAction, { location, confirm: true })
  await written.confirmed()
  const waiting = before.open(catalogue.readAction, { location, confirm: true })
  await waiting.confirmed()
  const read = waiting.read()
  const writer = node.createWriteStream()
  writer.write('a line\n')
  const failed = once(writer, 'error')
  const ended = Promise.all([following, read, written.write(Buffer.alloc(8 * MIB))].map(codeOf))
  await operator.revokeToken('tenant')
  expect((await closed).code).toBe('UNAUTHENTICATED')
  expect(await ended).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED', 'UNAUTHENTICATED'])
  await failed
  const after = await connect(head.address)
  const attempts = [
    after.open(catalogue.readLogs, { location }).read(),
    after.open(catalogue.readAction, { location }).read(),
    after.open(catalogue.writeAction, { location }).end(),
    after.request(catalogue.callAction, { location, name: 'size' }),
    raw(after, catalogue.writeActionWhole, wholeHead(Buffer.from(location, 'base64url'), {}), Buffer.from('x')),
  ]
  expect(await Promise.all(attempts.map(codeOf))).toEqual(attempts.map(() => 'UNAUTHENTICATED'))
  const { token: next } = await operator.rotateToken('tenant')
  await using again = await StoreClient.connect(cluster.address, { token: next })
  expect(await again.stat('/queue')).toMatchObject({ object: { state: 'live' } })
  const same = await again.lookup('/queue', 'action')
  expect(await same.delete()).toBe(true)
})

it('a storage server that stands still meanwhile does not keep it from being taken back, and knows when it goes on', async () => {
  await using tenant = await StoreClient.connect(cluster.address, { token })
  await tenant.put('/file', Buffer.alloc(MIB, 'kept'))
  const owner = await toMetadata(token)
  const { head } = await owner.request(catalogue.openRead, { path: '/file', blocks: 1 })
  const location = Buffer.from(head.locations[0]!, 'base64url')
  const before = await connect(Object.values(head.servers)[0]!)
  const closed = whenClosed(before)
  await raw(before, catalogue.readBlock, readHead(location, 0, 4))
  const server = cluster.servers[1]!
  try {
    process.kill(server.pid!, 'SIGSTOP')
    await operator.revokeToken('tenant')
  } finally {
    process.kill(server.pid!, 'SIGCONT')
  }
  expect((await closed).code).toBe('UNAUTHENTICATED')
  const after = await connect(server.address)
  expect(await codeOf(raw(after, catalogue.readBlock, readHead(location, 0, 4)))).toBe('UNAUTHENTICATED')
})

it('of tokens nothing is kept but hashes, and what was taken back stays so over a restart of the metadata server', async () => {
  await using folder = await temporaryFolder()
  const limits = { capacity: '4MiB', activeServers: 0, logLevel: 'silent', stateDir: folder.path } as const
  await using kept = await LocalCluster.start({ ...limits, clusterSecret, adminToken })
  await using admin = await StoreClient.connect(kept.address, { token: adminToken })
  const { token: first } = await admin.createNamespace('kept', { quota: { nodes: 7 } })
  const host = new URL(kept.address).host
  const owner = await connect(host, first)
  await owner.request(catalogue.put, { path: '/small' }, { body: Buffer.from('x') })
  await using tenant = await StoreClient.connect(kept.address, { token: first })
  await tenant.put('/file', Buffer.alloc(MIB, 'kept'))
  const { head } = await owner.request(catalogue.openRead, { path: '/file', blocks: 1 })
  const location = Buffer.from(head.locations[0]!, 'base64url')
  const { token: second } = await admin.rotateToken('kept')
  await kept.restartMetadataServer({ kill: true })
  const files = await Promise.all((await readdir(folder.path)).map(name => readFile(path.join(folder.path, name))))
  const all = Buffer.concat(files)
  for (const secret of [first, second, adminToken, clusterSecret]) expect(all.includes(secret)).toBe(false)
  expect(all.includes(createHash('sha256').update(second).digest('hex'))).toBe(true)
  expect(await codeOf(StoreClient.connect(kept.address, { token: first }))).toBe('UNAUTHENTICATED')
  await using again = await StoreClient.connect(kept.address, { token: second })
  expect((await again.get('/file')).length).toBe(MIB)
  expect((await admin.namespaces()).find(({ name }) => name === 'kept')).toMatchObject({ quota: { nodes: 7 } })
  const late = await connect(Object.values(head.servers)[0]!)
  expect(await codeOf(raw(late, catalogue.readBlock, readHead(location, 0, 4)))).toBe('UNAUTHENTICATED')
})
