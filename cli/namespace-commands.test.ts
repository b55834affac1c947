import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { CommandCluster, runCommand } from './command.test.helper.ts'

const adminToken = 'the token of the operator, for this test alone'

let on: CommandCluster
let folder: string
let admin: string[]

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'glider-namespaces-'))
  const file = path.join(folder, 'admin-token')
  await writeFile(file, `${adminToken}\n`)
  admin = ['--token-file', file]
  const secrets = { clusterSecret: 'the secret of the cluster, for this test', adminToken }
  on = await CommandCluster.start({ ...secrets, activeServers: 0, logLevel: 'silent' })
})

afterAll(async () => {
  await on.cluster.stop()
  await rm(folder, { recursive: true })
})

it('namespace create prints a token, by which the namespace is used until it is revoked', async () => {
  const token = (await on.glider([...admin, 'namespace', 'create', 'analytics', '--classes', 'dram'])).trim()
  expect(token).toMatch(/^[\w-]{43}$/)
  await on.glider(['--token', token, 'put', '-', '/file'], { stdin: 'bytes' })
  expect(await on.glider([...admin, 'namespace', 'set', 'analytics', '--quota', 'bytes=1KiB,slots=2'])).toBe(
    'bytes=1024,slots=2\n',
  )
  expect(await on.glider([...admin, 'namespace', 'set', 'analytics', '--quota', 'slots=none'])).toBe('bytes=1024\n')
  expect((await on.try(['--token', token, 'put', '-', '/big'], { stdin: 'x'.repeat(2000) })).stderr).toContain('quota')
  expect(await on.glider([...admin, 'namespace', 'list'])).toMatch(/analytics +yes +1 +5 +0 +0 +dram/)
  const another = JSON.parse(await on.glider([...admin, '--json', 'namespace', 'rotate', 'analytics'])) as { token: string }
  expect(await on.try(['--token', token, 'cat', '/file'])).toMatchObject({ stderr: expect.stringContaining('token') })
  expect(await on.glider(['--token', another.token, 'cat', '/file'])).toBe('bytes')
  await on.glider([...admin, 'namespace', 'revoke', 'analytics'])
  expect((await on.try(['--token', another.token, 'cat', '/file'])).code).not.toBe(0)
  expect((await on.try([...admin, 'namespace', 'delete', 'analytics'])).stderr).toContain('1 node:')
  await on.glider([...admin, 'namespace', 'delete', 'analytics', '--force'])
  expect(await on.glider([...admin, 'namespace', 'delete', 'analytics'])).toContain('there was no namespace')
  await on.glider([...admin, 'fsck'])
})

it('namespace create takes a quota, which holds and is listed', async () => {
  const token = (await on.glider([...admin, 'namespace', 'create', 'limited', '--quota', 'bytes=1KiB,nodes=2,streams=4'])).trim()
  expect(await on.glider([...admin, 'namespace', 'list'])).toMatch(/limited +yes .*bytes=1024,nodes=2,streams=4/)
  expect((await on.try(['--token', token, 'put', '-', '/big'], { stdin: 'x'.repeat(2000) })).stderr).toContain('1024 bytes')
  expect((await on.try(['ls'])).stderr).toMatch(/: give the one of your namespace with --token-file/)
  expect((await on.try([...admin, 'namespace', 'create', 'Foo_Bar'])).stderr).toMatch(/name must be 1 to 63 small letters/)
  expect((await on.try([...admin, 'namespace', 'revoke', 'default'])).stderr).toContain('name one that was created')
  const missing = (await on.try(['--token', token, 'action', 'create', '/a', 'std/Counter'])).stderr
  expect(missing).toMatch(/the namespace limited has no active server: start one with --namespace limited/)
  for (const wrong of ['bytes', 'bytes=x', 'files=3', 'nodes=-1', 'nodes=none']) {
    expect(await on.try([...admin, 'namespace', 'create', 'wrong', '--quota', wrong])).toMatchObject({ code: 2 })
  }
  await on.glider([...admin, 'namespace', 'delete', 'limited', '--force'])
})

it('namespaces are for the operator, and for clusters with a secret', async () => {
  const token = (await on.glider([...admin, 'namespace', 'create', 'mine'])).trim()
  for (const command of [['namespace', 'list'], ['namespace', 'create', 'other'], ['servers'], ['fsck']]) {
    expect((await on.try(['--token', token, ...command])).stderr).toContain('admin token')
  }
  expect((await on.try(['--token-file', path.join(folder, 'none'), 'ls', '/'])).stderr).toContain('--token-file')
  const open = await CommandCluster.start({ storageServers: 0, activeServers: 0 })
  const refused = await runCommand(['--address', open.cluster.address, 'namespace', 'create', 'mine'])
  expect(refused.stderr).toContain('--cluster-secret-file')
  await open.stop()
})
