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
  expect(await on.glider([...admin, 'namespace', 'list'])).toMatch(/analytics +yes +1 +5 +0 +0 +dram/)
  const another = JSON.parse(await on.glider([...admin, '--json', 'namespace', 'rotate', 'analytics'])) as { token: string }
  expect(await on.try(['--token', token, 'cat', '/file'])).toMatchObject({ stderr: expect.stringContaining('token') })
  expect(await on.glider(['--token', another.token, 'cat', '/file'])).toBe('bytes')
  await on.glider([...admin, 'namespace', 'revoke', 'analytics'])
  expect((await on.try(['--token', another.token, 'cat', '/file'])).code).not.toBe(0)
  expect((await on.try([...admin, 'namespace', 'delete', 'analytics'])).stderr).toContain('1 nodes')
  await on.glider([...admin, 'namespace', 'delete', 'analytics', '--force'])
  expect(await on.glider([...admin, 'namespace', 'delete', 'analytics'])).toContain('there was no namespace')
  await on.glider([...admin, 'fsck'])
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
