import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { StoreClient } from 'glider'
import { LocalCluster } from 'glider/cluster'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { catalogue } from '../protocol/catalogue.ts'
import { encodeFrame, frameKind } from '../protocol/frame.ts'
import { temporaryFolder } from './support/shared-cluster.ts'

const clusterSecret = 'a secret of the cluster, for this test alone'
const adminToken = 'the token of the operator, for this test alone'
const denied = 'ERR_ACCESS_DENIED'
const PEM = path.join(import.meta.dirname, '..', '..', 'test', 'fixtures', 'tls', 'cert.pem')

let cluster: LocalCluster
let store: StoreClient
let server: ChildProcess
let folder: Awaited<ReturnType<typeof temporaryFolder>>

/** What an action tries that is up to no good. */
const source = `import { Action } from 'glider/action'
import { fstatSync, linkSync, readFileSync, renameSync, symlinkSync, writeFileSync, writeSync } from 'node:fs'
import { execFileSync, spawn } from 'node:child_process'
import * as threads from 'node:worker_threads'
import { Socket } from 'node:net'
import { createRequire } from 'node:module'
const outcome = attempt => { try { return String(attempt()) } catch (error) { return error.code ?? error.message } }
const escape = "require('node:worker_threads').parentPort.postMessage(require('node:fs').readFileSync('/etc/passwd', 'utf8'))"
export class Thief extends Action {
  static calls = ['where', 'link', 'read', 'write', 'run', 'start', 'thread', 'threadByRequire', 'mend', 'secrets', 'speak', 'honest']
  where() { return new URL('..', import.meta.url).pathname }
  link([from, to]) { return outcome(() => linkSync(from, to)) + outcome(() => symlinkSync(from, to)) + outcome(() => renameSync(from, to)) }
  read(file) { return outcome(() => readFileSync(file, 'utf8')) }
  write(file) { return outcome(() => writeFileSync(file, 'x')) }
  run() { return outcome(() => execFileSync('/bin/echo', ['hello'])) }
  start() { return outcome(() => spawn('/bin/true')) }
  thread() { return outcome(() => new threads.Worker(escape, { eval: true, execArgv: [] })) }
  threadByRequire() { return outcome(() => new (createRequire(import.meta.url)('worker_threads').Worker)(escape, { eval: true, execArgv: [] })) }
  mend() { return outcome(() => { delete threads.default.Worker; threads.default.Worker = undefined }) }
  secrets() { return Object.keys(process.env).filter(name => name.includes('SECRET') || name.includes('TOKEN')).join() }
  speak([port, frame]) {
    for (let fd = 3; fd < 200; fd++) {
      try {
        if (!fstatSync(fd).isSocket() || new Socket({ fd, readable: false }).remotePort !== port) continue
        return writeSync(fd, Buffer.from(frame, 'base64'))
      } catch (error) { if (error.code !== 'EBADF') throw error }
    }
    return 0
  }
  async honest() { await this.store.put('/honest', 'work'); return String(await this.store.get('/honest')) }
}`

beforeAll(async () => {
  folder = await temporaryFolder()
  const limits = { capacity: '16MiB', activeServers: 0, logLevel: 'error' } as const
  cluster = await LocalCluster.start({ ...limits, clusterSecret, adminToken })
  const secret = path.join(folder.path, 'secret')
  await writeFile(secret, clusterSecret)
  const main = path.join(import.meta.dirname, '..', 'active-server', 'confined.js')
  // In all three ways: on the command line, in the environment, in a file.
  const config = path.join(folder.path, 'server.json')
  await writeFile(config, JSON.stringify({ 'cluster-secret-file': secret, 'log-level': 'error', slots: 3, threads: 9 }))
  const flags = ['--metadata', new URL(cluster.address).host, '--config', config]
  // The tokens are what an operator may have in the shell for the command, and nothing for actions.
  const tokens = { GLIDER_TOKEN: adminToken, GLIDER_ADMIN_TOKEN: adminToken }
  const env = { ...process.env, ...tokens, GLIDER_THREADS: '1', GLIDER_METADATA: '127.0.0.1:1' }
  server = fork(main, flags, { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  await Promise.race([
    once(server, 'message'),
    once(server, 'exit').then(() => {
      throw new Error('the server has ended')
    }),
  ])
  store = await StoreClient.connect(cluster.address, { token: adminToken })
  await writeFile(path.join(folder.path, 'thief.ts'), source)
  await store.deploy(path.join(folder.path, 'thief.ts'))
})

afterAll(async () => {
  await store?.close()
  if (server.exitCode === null) {
    server.kill('SIGTERM')
    await once(server, 'exit')
  }
  await cluster?.stop()
  await folder?.[Symbol.asyncDispose]()
})

it('a confined server is told what it is like any other', async () => {
  expect((await store.servers()).find(({ role }) => role === 'active')).toMatchObject({ capacity: 3 })
})

it.each<[string, () => string[], string]>([
  ['a secret that is not there', () => ['--cluster-secret-file', path.join(folder.path, 'none')], 'none cannot be read'],
  // It has begun by then, and names the last file for what it is.
  ['one file for all of TLS', () => ['--tls-cert', PEM, '--tls-key', PEM, '--tls-ca', PEM], 'holds no private key'],
])('a confined server that is told of %s says in one line what is wrong', async (_what, flags, complaint) => {
  const main = path.join(import.meta.dirname, '..', 'active-server', 'confined.js')
  const wrong = spawn(process.execPath, [main, ...flags()], { stdio: ['ignore', 'ignore', 'pipe'] })
  const exited = once(wrong, 'exit')
  const said = (await wrong.stderr.setEncoding('utf8').toArray()).join('')
  expect(await exited).toEqual([1, null])
  expect(said.trimEnd().split('\n')).toEqual([expect.stringContaining(complaint)])
})

it('an action of a confined server does its work, and neither reads files, nor writes any, nor starts programs or threads', async () => {
  const node = await store.create('/thief', 'action')
  await node.create('Thief')
  expect(await node.call('honest')).toBe('work')
  for (const file of ['/etc/passwd', '/proc/self/environ', path.join(folder.path, 'secret')]) {
    expect(await node.call('read', file)).toBe(denied)
  }
  const bundles = String(await node.call('where'))
  const up = '../'.repeat(12)
  for (const way of ['node_modules/glider/', 'node_modules/', 'code/', 'code/../node_modules/glider/dist/']) {
    expect(await node.call('read', `${bundles}${way}${up}etc/passwd`)).toMatch(/ERR_ACCESS_DENIED|ENOENT/)
  }
  for (const file of [path.join(folder.path, 'written'), `${bundles}written`, `${bundles}node_modules/glider/dist/written`]) {
    expect(await node.call('write', file)).toBe(denied)
  }
  expect(await node.call('link', ['/etc/passwd', `${bundles}code/stolen`])).not.toContain('undefined')
  expect(await node.call('run')).toBe(denied)
  expect(await node.call('start')).toBe(denied)
  expect(await node.call('thread')).toBe(denied)
  expect(await node.call('threadByRequire')).toBe(denied)
  await node.call('mend')
  expect(await node.call('threadByRequire')).toBe(denied)
  expect(await node.call('secrets')).toBe('')
  await store.delete('/thief')
  await store.delete('/honest')
})

it('an action that speaks over the connection of its server can do no more than that server', async () => {
  const { token } = await store.createNamespace('theirs')
  await using theirs = await StoreClient.connect(cluster.address, { token })
  const node = await store.create('/speaker', 'action')
  await node.create('Thief')
  const head = Buffer.from(JSON.stringify({ name: 'theirs' }))
  const frame = encodeFrame(frameKind.request, catalogue.revokeToken.code, 1_000_001, head, Buffer.alloc(0))
  expect(await node.call('speak', [Number(new URL(cluster.address).port), frame.toString('base64')])).toBe(frame.length)
  // Over the same connection, and so behind it.
  await node.delete()
  expect(await theirs.exists('/')).toBe(true)
  expect((await store.namespaces()).find(({ name }) => name === 'theirs')).toMatchObject({ hasToken: true })
  await store.delete('/speaker')
  await store.deleteNamespace('theirs')
})

it.each([
  ['and its process together drain it', 1, 0],
  ['a second time end it at once', 2, 1],
] as const)('signals to a confined server %s', async (_what, signals, status) => {
  const { token } = await store.createNamespace('group')
  const main = path.join(import.meta.dirname, '..', 'active-server', 'confined.js')
  const flags = ['--metadata', new URL(cluster.address).host, '--namespace', 'group', '--threads', '1']
  const env = { ...process.env, GLIDER_CLUSTER_SECRET: clusterSecret }
  // It heads a group of processes, all of which are sent what is sent to the group, as by a terminal and by systemd.
  const group = spawn(process.execPath, [main, ...flags], { env, stdio: ['ignore', 'ignore', 'pipe'], detached: true })
  const exited = once(group, 'exit')
  const said: string[] = []
  const heard = createInterface({ input: group.stderr }).on('line', line => said.push(line))
  const says = async (what: string): Promise<void> => {
    while (!said.some(line => line.includes(`"msg":"${what}"`))) await once(heard, 'line')
  }
  await says('ready')
  await using theirs = await StoreClient.connect(cluster.address, { token })
  const node = await theirs.create('/waited-for', 'action')
  await node.create('std/Counter')
  const writer = await node.openWriter()
  process.kill(-group.pid!, 'SIGTERM')
  await says('draining')
  // It has heard all that it was sent before, and still runs.
  await writer.write(Buffer.from('one more\n'))
  if (signals === 2) process.kill(-group.pid!, 'SIGTERM')
  else await writer.close()
  expect(await exited).toEqual([status, null])
  writer.abort()
  await store.deleteNamespace('group', { force: true })
})
