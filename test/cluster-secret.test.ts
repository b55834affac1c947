import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { StoreClient } from 'glider'
import { LocalCluster } from 'glider/cluster'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ChildServer } from '../cluster/child-server.ts'
import { startLocalMetadataServer } from '../metadata-server/index.ts'
import { catalogue } from '../protocol/catalogue.ts'
import { systemClock } from '../protocol/clock.system.ts'
import { memberProof } from '../protocol/cluster-secret.ts'
import { ConnectionCore, connectionContext } from '../protocol/connection.ts'
import { dial } from '../protocol/dial.system.ts'
import type { Operation } from '../protocol/operation.ts'
import type { Hello, ProvedServer } from '../protocol/peer.ts'
import { failureOf } from './support/failure.ts'

const SECRET = 'a secret of the cluster, for this test alone'
const ADMIN = 'the token of the operator, for this test alone'
const OWN = 'n'.repeat(43)
const none = 'never-joined'
const STRANGER = { role: 'storage', clientId: none } as const
const MIB = 1 << 20

let cluster: LocalCluster
const connections: ConnectionCore[] = []

beforeAll(async () => {
  cluster = await LocalCluster.start({
    clusterSecret: SECRET,
    adminToken: ADMIN,
    capacity: '16MiB',
    slots: 2,
    threads: 1,
    logLevel: 'silent',
  })
})

afterEach(() => {
  for (const connection of connections.splice(0)) connection.close()
})

afterAll(() => cluster.stop())

async function connect(
  role: Hello['role'],
  address = new URL(cluster.address).host,
  more: Partial<Hello> = {},
): Promise<ConnectionCore> {
  const connection = new ConnectionCore(connectionContext(systemClock), {
    transport: await dial(address),
    side: 'dialled',
    hello: { role, clientId: none, ...(role === 'client' && { token: ADMIN }), ...more },
  })
  connections.push(connection)
  return connection.start()
}

async function authenticate(
  connection: ConnectionCore,
  secret: string,
  nonce?: string,
  server: ProvedServer = STRANGER,
): Promise<void> {
  const asked = nonce ?? (await connection.request(catalogue.challenge, {})).head.nonce
  const proof = memberProof(secret, server, { asked, own: OWN })
  await connection.request(catalogue.authenticate, { nonce: OWN, proof })
}

const offer = {
  role: 'storage',
  incarnation: 'AAAAAAAAAAAA',
  address: '127.0.0.1:1',
  storageClass: 'dram',
  capacity: 64 * MIB,
  proofKey: 'AAAA',
} as const

const heads: Readonly<Record<string, object>> = {
  register: offer,
  heartbeat: { incarnation: 'AAAAAAAAAAAA' },
  leaving: { incarnation: 'AAAAAAAAAAAA' },
  objectsLost: { incarnation: 'AAAAAAAAAAAA', objects: [], cause: '' },
  revokeTokens: { least: [] },
  freeBlocks: { blocks: [[0, 2 ** 47, 1]] },
  listBlocks: { first: 0 },
  listObjects: { first: 0 },
  listActivity: { most: 1 },
  startObject: { slot: 0, epoch: 1, counter: 1, path: '/', bundle: 'std', class: 'Merge', version: 'std', interleaved: false },
  stopObject: { slot: 0, epoch: 1, counter: 1, mode: 'abort' },
  inspectBundle: { name: 'std', version: 'std' },
}

const serverOnly = (Object.values(catalogue) as Operation[]).filter(({ by }) => by === 'server')

describe('a cluster with a secret', () => {
  it('works as any other', async () => {
    await using store = await StoreClient.connect(cluster.address, { token: ADMIN })
    const bytes = Buffer.alloc(3 * MIB, 7)
    await store.put('/file', bytes)
    expect((await store.get('/file')).equals(bytes)).toBe(true)
    const action = await store.create('/merge', 'action')
    await action.create('std/Merge')
    expect(await action.delete()).toBe(true)
    await store.delete('/merge')
    await store.delete('/file')
  })

  it.each(serverOnly.map(operation => [operation.name, operation] as const))(
    'lets no client and no stranger ask for %s',
    async (name, operation) => {
      const own = cluster.servers.find(
        ({ role }) => role === operation.server || (operation.server === 'member' && role !== 'metadata'),
      )!
      for (const role of ['client', 'storage', 'active'] as const) {
        const connection = await connect(role, own.address)
        const code = role === 'client' ? 'FORBIDDEN' : 'UNAUTHENTICATED'
        const asked =
          operation.bytes === 'download'
            ? connection.open(operation, { version: 'std' }).read()
            : connection.request(operation, heads[name]!)
        expect(await failureOf(asked)).toMatchObject({ code, message: expect.stringContaining(name) })
      }
    },
  )

  it('lets a server that has proved nothing ask for nothing else, either', async () => {
    const connection = await connect('storage')
    expect(await failureOf(connection.request(catalogue.list, { path: '/' }))).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(await failureOf(connection.request(catalogue.servers, {}))).toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  it('takes a proof that was made with the secret, and no other', async () => {
    const wrong = await connect('storage')
    expect(await failureOf(authenticate(wrong, `${SECRET}!`))).toMatchObject({
      code: 'UNAUTHENTICATED',
      message: expect.stringContaining('--cluster-secret-file'),
    })
    expect(await failureOf(wrong.request(catalogue.heartbeat, { incarnation: none }))).toMatchObject({ code: 'UNAUTHENTICATED' })
    const right = await connect('storage')
    await authenticate(right, SECRET)
    expect(await failureOf(right.request(catalogue.heartbeat, { incarnation: none }))).toMatchObject({ code: 'NOT_FOUND' })
  })

  it('takes a proof once, and from nobody who has overheard it', async () => {
    const first = await connect('storage')
    const { nonce } = (await first.request(catalogue.challenge, {})).head
    await authenticate(first, SECRET, nonce)
    expect(await failureOf(authenticate(first, SECRET, nonce))).toMatchObject({ code: 'UNAUTHENTICATED' })
    const second = await connect('storage')
    expect(await failureOf(authenticate(second, SECRET, nonce))).toMatchObject({ code: 'UNAUTHENTICATED' })
    await second.request(catalogue.challenge, {})
    expect(await failureOf(authenticate(second, SECRET, nonce))).toMatchObject({ code: 'UNAUTHENTICATED' })
    const client = await connect('client')
    expect(await failureOf(authenticate(client, SECRET))).toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  it('lets a server that has proved who it is join as itself alone, and ask for nothing that is for clients', async () => {
    const server = { role: 'active', clientId: none, namespace: 'default' } as const
    const own = {
      ...offer,
      role: 'active',
      storageClass: 'active',
      incarnation: none,
      namespace: 'default',
      capacity: 1,
    } as const
    const connection = await connect('active', undefined, server)
    await authenticate(connection, SECRET, undefined, server)
    const asAnother = [
      { incarnation: 'AAAAAAAAAAAA' },
      { namespace: 'another' },
      { role: 'storage', storageClass: 'dram' },
    ] as const
    for (const other of asAnother) {
      expect(await failureOf(connection.request(catalogue.register, { ...own, ...other, capacity: 64 * MIB }))).toMatchObject({
        code: 'FORBIDDEN',
        message: expect.stringContaining(none),
      })
    }
    expect(await failureOf(connection.request(catalogue.servers, {}))).toMatchObject({ code: 'FORBIDDEN' })
    expect(await failureOf(connection.request(catalogue.list, { path: '/' }))).toMatchObject({ code: 'FORBIDDEN' })
    const another = await connect('active', undefined, server)
    expect(await failureOf(authenticate(another, SECRET, undefined, { ...server, namespace: 'another' }))).toMatchObject({
      code: 'UNAUTHENTICATED',
    })
  })

  it.each(['heartbeat', 'leaving', 'objectsLost'] as const)(
    'lets a server that has proved who it is tell of itself alone: %s',
    async name => {
      const connection = await connect('storage')
      await authenticate(connection, SECRET)
      expect(await failureOf(connection.request<unknown, unknown>(catalogue[name], heads[name]!))).toMatchObject({
        code: 'FORBIDDEN',
        message: expect.stringContaining(none),
      })
      const ofItself = { ...heads[name], incarnation: none }
      expect(await failureOf(connection.request<unknown, unknown>(catalogue[name], ofItself))).toMatchObject({
        code: 'NOT_FOUND',
      })
    },
  )

  it('lets actions in as long as their server is in the cluster, and no longer', async () => {
    const server = { role: 'active', clientId: none } as const
    const tokenHash = createHash('sha256').update('of its actions').digest('hex')
    const connection = await connect('active')
    await authenticate(connection, SECRET, undefined, server)
    const head = { ...offer, role: 'active', storageClass: 'active', incarnation: none, capacity: 1, tokenHash } as const
    const { id } = (await connection.request(catalogue.register, head)).head
    const action = await connect('client', undefined, { token: 'of its actions' })
    await action.request(catalogue.list, { path: '/' })
    await using operator = await StoreClient.connect(cluster.address, { token: ADMIN })
    const closed = new Promise(resolve => action.onClose(resolve))
    await operator.removeServer(id, { force: true })
    await closed
    const late = await connect('client', undefined, { token: 'of its actions' })
    expect(await failureOf(late.request(catalogue.list, { path: '/' }))).toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  it('does not take in a server with another secret, or with none', async () => {
    const flags = ['--metadata', new URL(cluster.address).host, '--capacity', '16MiB', '--log-level', 'error', '--port', '0']
    const another = { GLIDER_CLUSTER_SECRET: `${SECRET}!` }
    expect(await failureOf(ChildServer.start('storage', flags, {}, another))).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(await failureOf(ChildServer.start('storage', flags))).toMatchObject({
      code: 'UNAUTHENTICATED',
      message: expect.stringContaining('--cluster-secret-file (or GLIDER_CLUSTER_SECRET)'),
    })
    expect(
      await failureOf(
        ChildServer.start(
          'active',
          flags.filter(flag => !/capacity|MiB/.test(flag)),
        ),
      ),
    ).toMatchObject({
      code: 'UNAUTHENTICATED',
    })
  })

  it('is not joined by a server whose metadata server has no secret', async () => {
    const open = await startLocalMetadataServer({
      ...{ port: 0, blockSize: '1MiB', storageClasses: ['dram'], deadAfter: '5s', logLevel: 'silent' },
    })
    onTestFinished(() => open.stop())
    const flags = ['--metadata', open.address, '--log-level', 'error', '--port', '0']
    expect(await failureOf(ChildServer.start('storage', flags, {}, { GLIDER_CLUSTER_SECRET: SECRET }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('this metadata server has no secret'),
    })
  })
})

describe('a server without a secret', () => {
  it.each(['metadata', 'storage', 'active'] as const)('refuses to listen for other machines: %s', async role => {
    expect(await failureOf(ChildServer.start(role, ['--host', '0.0.0.0', '--port', '0']))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/0\.0\.0\.0.*--cluster-secret-file.*GLIDER_CLUSTER_SECRET.*127\.0\.0\.1/),
    })
  })
})

describe('the secret', () => {
  it('is read from a file, and a server that has it listens for other machines', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'glider-secret-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const file = path.join(folder, 'secret')
    const flags = ['--host', '0.0.0.0', '--port', '0', '--log-level', 'error', '--cluster-secret-file', file]
    expect(await failureOf(ChildServer.start('metadata', flags))).toMatchObject({ message: expect.stringContaining(file) })
    await writeFile(file, 'short\n')
    expect(await failureOf(ChildServer.start('metadata', flags))).toMatchObject({ message: expect.stringContaining('openssl') })
    await writeFile(file, `${SECRET}\n`)
    const server = await ChildServer.start('metadata', flags)
    await server.stop()
  })
})
