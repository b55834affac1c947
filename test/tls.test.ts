import { readFile, writeFile } from 'node:fs/promises'
import https from 'node:https'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { StoreClient } from 'glider'
import { LocalCluster } from 'glider/cluster'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from '../cli/command.test.helper.ts'
import { ChildServer, type ServerRole } from '../cluster/child-server.ts'
import { failureOf } from './support/failure.ts'
import { temporaryFolder } from './support/shared-cluster.ts'

const certificates = path.join(import.meta.dirname, '..', '..', 'test', 'fixtures', 'tls')
const cert = path.join(certificates, 'cert.pem')
const secrets = { GLIDER_CLUSTER_SECRET: 'a secret of the cluster, for this test alone' }
const token = 'the token of the operator, for this test alone'
const tls = ['--tls-cert', cert, '--tls-key', path.join(certificates, 'key.pem'), '--log-level', 'error', '--port', '0']
const MIB = 1 << 20

const servers: ChildServer[] = []
let metadata: string
let tlsCa: string

async function start(role: ServerRole, flags: string[]): Promise<ChildServer> {
  const environment = { ...secrets, GLIDER_ADMIN_TOKEN: token, GLIDER_TOKEN: token }
  const server = await ChildServer.start(role, [...tls, ...flags], {}, environment)
  servers.push(server)
  return server
}

beforeAll(async () => {
  tlsCa = await readFile(cert, 'utf8')
  metadata = (await start('metadata', [])).address
  const trust = ['--metadata', metadata, '--tls-ca', cert]
  await Promise.all([start('storage', [...trust, '--capacity', '16MiB']), start('active', [...trust, '--threads', '1'])])
})

afterAll(async () => {
  for (const server of servers.toReversed()) await server.stop()
})

describe('a cluster that speaks TLS', () => {
  it.each(['https', 'wss'])('serves files and actions, whose store speaks it as well: %s', async scheme => {
    await using store = await StoreClient.connect(`${scheme}://${metadata}`, { token, tlsCa })
    const bytes = Buffer.alloc(3 * MIB, scheme)
    await store.put('/file', bytes)
    expect((await store.get('/file')).equals(bytes)).toBe(true)
    await using folder = await temporaryFolder()
    const source = `import { Action } from 'glider/action'
      export class Look extends Action {
        static calls = ['look', 'tokens']
        look(path) { return this.store.exists(path) }
        tokens() { return Object.keys(process.env).filter(name => /SECRET|TOKEN/.test(name)) }
      }`
    await writeFile(path.join(folder.path, 'look.ts'), source)
    await store.deploy(path.join(folder.path, 'look.ts'))
    const action = await store.create('/look', 'action')
    await action.create('Look')
    expect(await action.call('look', '/file')).toBe(true)
    expect(await action.call('tokens')).toEqual([])
    await store.delete('/look')
    await store.delete('/file')
  })

  it('is not taken for itself by who does not trust its certificate', async () => {
    expect(await failureOf(StoreClient.connect(`https://${metadata}`, { token }))).toMatchObject({
      code: 'UNAUTHENTICATED',
      message: expect.stringContaining('--tls-ca'),
    })
    expect(await failureOf(StoreClient.connect(`wss://${metadata}`, { token }))).toMatchObject({ code: 'UNAUTHENTICATED' })
    const flags = ['--metadata', metadata, '--capacity', '16MiB']
    expect(await failureOf(start('storage', flags))).toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  it('tells nothing in plain', async () => {
    const plain = StoreClient.connect(`http://${metadata}`, { token })
    expect(await failureOf(plain)).toMatchObject({
      code: 'PROTOCOL_ERROR',
      message: expect.stringContaining('speaks TLS: use https://'),
    })
    await expect(fetch(`http://${metadata}/healthz`)).rejects.toThrow('fetch failed')
  })

  it('has health and REST on the same port, and the command reaches it', async () => {
    const health = await new Promise<string>((resolve, reject) => {
      https
        .get(`https://${metadata}/healthz`, { ca: tlsCa, agent: false }, answer => void text(answer).then(resolve, reject))
        .on('error', reject)
    })
    expect(health).toContain('metadata')
    const listed = await runCommand(['--address', `https://${metadata}`, '--token', token, '--tls-ca', cert, 'servers'])
    expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining('storage-1') })
  })
})

it.each([false, true])('a local cluster speaks TLS where it is told to (within this process: %s)', async inProcess => {
  const key = path.join(certificates, 'key.pem')
  const limits = { capacity: '4MiB', threads: 1, logLevel: 'silent', inProcess } as const
  const guard = { clusterSecret: secrets.GLIDER_CLUSTER_SECRET, adminToken: token, tls: { cert, key } }
  await using cluster = await LocalCluster.start({ ...limits, ...guard })
  expect(cluster.address).toMatch(/^https:/)
  await using store = await StoreClient.connect(cluster.address, { token, tlsCa })
  await store.put('/file', Buffer.alloc(2 * MIB, 7))
  expect((await store.get('/file')).equals(Buffer.alloc(2 * MIB, 7))).toBe(true)
  const action = await store.create('/counter', 'action')
  await action.create('std/Counter')
  const one = await cluster.addServer('storage', { capacity: '4MiB' })
  expect((await store.servers()).map(({ address }) => address)).toContain(one.address)
  expect(await failureOf(StoreClient.connect(cluster.address, { token }))).toMatchObject({ code: 'UNAUTHENTICATED' })
})

it('one flag without the other is refused', async () => {
  expect(await failureOf(ChildServer.start('metadata', ['--port', '0', '--tls-cert', cert]))).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('--tls-key'),
  })
})
