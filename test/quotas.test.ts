import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type Quota, StoreClient } from 'glider'
import { LocalCluster } from 'glider/cluster'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codeOf, failureOf } from './support/failure.ts'
import { temporaryFolder } from './support/shared-cluster.ts'

const clusterSecret = 'a secret of the cluster, for this test alone'
const adminToken = 'the token of the operator, for this test alone'
const MIB = 1 << 20

let cluster: LocalCluster
let operator: StoreClient
let store: StoreClient
const quota = { slots: 2, streams: 3 }

beforeAll(async () => {
  const limits = { capacity: '64MiB', slots: 8, threads: 1, activeServers: 0 } as const
  cluster = await LocalCluster.start({ ...limits, clusterSecret, adminToken, logLevel: 'silent' })
  operator = await StoreClient.connect(cluster.address, { token: adminToken })
  const { token } = await operator.createNamespace('tenant', { quota })
  await cluster.addServer('active', { namespace: 'tenant' })
  store = await StoreClient.connect(cluster.address, { token })
})

afterAll(async () => {
  await store?.close()
  await operator?.close()
  await cluster?.stop()
})

/** A namespace that is there for one test. */
async function tenant(name: string, limits: Quota, use: (own: StoreClient) => Promise<void>): Promise<void> {
  const { token } = await operator.createNamespace(name, { quota: limits })
  await using own = await StoreClient.connect(cluster.address, { token })
  await use(own)
  await operator.deleteNamespace(name, { force: true })
}

/** How many of the attempts succeed, where all others fail for the quota. */
async function howMany(attempts: readonly Promise<unknown>[], what: string): Promise<number> {
  let succeeded = 0
  for (const result of await Promise.allSettled(attempts)) {
    if (result.status === 'fulfilled') succeeded += 1
    else expect(result.reason).toMatchObject({ code: 'QUOTA_EXCEEDED', message: expect.stringContaining(what) })
  }
  return succeeded
}

describe('a quota', () => {
  it('is told by the list of namespaces', async () => {
    expect((await operator.namespaces()).find(({ name }) => name === 'tenant')).toMatchObject({ quota })
  })

  it('is changed by the operator, limit by limit, and what is there beyond one stays', () =>
    tenant('changed', { bytes: 1000, nodes: 5 }, async own => {
      await own.put('/file', Buffer.alloc(900))
      expect(await operator.setQuota('changed', { bytes: 500, slots: 3 })).toMatchObject({
        name: 'changed',
        quota: { bytes: 500, nodes: 5, slots: 3 },
      })
      expect(await codeOf(own.put('/more', 'x'))).toBe('QUOTA_EXCEEDED')
      expect((await own.get('/file')).length).toBe(900)
      expect(await operator.setQuota('changed', { bytes: null })).toMatchObject({ quota: { nodes: 5, slots: 3 } })
      await own.put('/more', Buffer.alloc(5000))
      expect(await codeOf(own.setQuota('changed', { nodes: null }))).toBe('FORBIDDEN')
      expect(await codeOf(operator.setQuota('default', { nodes: 1 }))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(operator.setQuota('nobody', { nodes: 1 }))).toBe('NOT_FOUND')
    }))

  it('of bytes holds for many writers at a time, names itself and its use, and what is deleted is free', () =>
    tenant('bytes', { bytes: 4 * MIB }, async own => {
      const file = (index: number): string => `/file-${index}`
      const all = Array.from({ length: 8 }, (_, index) => index)
      expect(
        await howMany(
          all.map(index => own.put(file(index), Buffer.alloc(MIB, index))),
          'quota of 4194304 bytes',
        ),
      ).toBe(4)
      expect((await own.usage()).storedBytes).toBe(4 * MIB)
      expect(await failureOf(own.put('/small', 'x'))).toMatchObject({
        code: 'QUOTA_EXCEEDED',
        message: expect.stringMatching(/bytes has 4194304 of its quota of 4194304 bytes/),
      })
      expect(await own.exists('/small')).toBe(false)
      for (const index of all) await own.delete(file(index))
      await own.put('/whole', Buffer.alloc(4 * MIB))
      await own.delete('/whole')
      expect(await own.usage()).toMatchObject({ nodes: 0, storedBytes: 0, blocks: 0, slots: 0 })
    }))

  it('of bytes counts what was written, to the byte', () =>
    tenant('exact', { bytes: 1_500_000 }, async own => {
      expect(await codeOf(own.put('/file', Buffer.alloc(1_500_001)))).toBe('QUOTA_EXCEEDED')
      expect(await own.exists('/file')).toBe(false)
      const table = await own.create('/table', 'table')
      expect(await codeOf(table.put('key', Buffer.alloc(1_500_001)))).toBe('QUOTA_EXCEEDED')
      const part = (await own.create('/bag', 'bag')).append()
      part.end(Buffer.alloc(1_500_001))
      expect((await once(part, 'error'))[0]).toMatchObject({ code: 'QUOTA_EXCEEDED' })
      expect((await own.usage()).blocks).toBe(0)
      await own.put('/file', Buffer.alloc(1_500_000))
      expect(await codeOf(own.put('/more', 'x'))).toBe('QUOTA_EXCEEDED')
      const added = (await own.lookup('/file', 'file')).createWriteStream({ append: true })
      added.end('x')
      expect((await once(added, 'error'))[0]).toMatchObject({ code: 'QUOTA_EXCEEDED' })
      await own.delete('/file')
      await own.put('/more', 'x')
    }))

  it('of nodes holds, missing parents included, and an operation that fails changes nothing', () =>
    tenant('nodes', { nodes: 10 }, async own => {
      const many = Array.from({ length: 20 }, (_, index) => own.create(`/n${index}`, 'file'))
      expect(await howMany(many, 'has 10 of its quota of 10 nodes')).toBe(10)
      await own.delete('/n0')
      expect(await codeOf(own.create('/a/b', 'file', { parents: true }))).toBe('QUOTA_EXCEEDED')
      expect(await codeOf(own.put('/a/b', 'x', { parents: true }))).toBe('QUOTA_EXCEEDED')
      expect(await own.exists('/a')).toBe(false)
      await own.create('/n0', 'file')
      await own.create('/n0', 'file', { ifExists: 'replace' })
    }))

  it('of bytes holds for the code of bundles, whatever its names', async () => {
    const { token } = await operator.createNamespace('code', { quota: { bytes: 3000 } })
    await cluster.addServer('active', { namespace: 'code' })
    await using own = await StoreClient.connect(cluster.address, { token })
    await using folder = await temporaryFolder()
    const file = path.join(folder.path, 'bundle.js')
    const source = (text: string): string =>
      `import { Action } from 'glider/action'\nexport class Large extends Action { static text = '${text}' }\n`
    await writeFile(file, source('x'.repeat(1000)))
    await own.deploy(file)
    const again = await Promise.allSettled(['a', 'b', 'c'].map(name => own.deploy(file, { name })))
    const refused = again.find(({ status }) => status === 'rejected')
    expect(refused).toMatchObject({
      reason: { code: 'QUOTA_EXCEEDED', message: expect.stringMatching(/of 3000 bytes.*undeploy/) },
    })
    await writeFile(file, source('y'.repeat(3000)))
    expect(await codeOf(own.deploy(file, { name: 'larger' }))).toBe('QUOTA_EXCEEDED')
    for (const { name } of (await own.definitions()).filter(one => one.name !== 'std')) await own.undeploy(name)
    await writeFile(file, source('z'.repeat(1000)))
    await own.deploy(file)
    await operator.deleteNamespace('code', { force: true })
  })

  it('of slots holds for many creations at a time', async () => {
    const nodes = await Promise.all(Array.from({ length: 6 }, (_, index) => store.create(`/a${index}`, 'action')))
    expect(
      await howMany(
        nodes.map(node => node.create('std/Merge')),
        'has 2 of its quota of 2 slots',
      ),
    ).toBe(2)
    await Promise.all(nodes.map(node => node.delete()))
    await nodes[5]!.create('std/Merge')
    for (const { path } of nodes) await store.delete(path)
  })

  it('of streams holds for writers of files, and for streams of actions', async () => {
    const bag = await store.create('/bag', 'bag')
    const parts = Array.from({ length: 5 }, () => bag.append())
    const errors = await Promise.all(parts.slice(3).map(async part => (await once(part, 'error'))[0] as unknown))
    for (const error of errors)
      expect(error).toMatchObject({ code: 'QUOTA_EXCEEDED', message: expect.stringContaining('3 streams') })
    await Promise.all(
      parts.slice(0, 3).map(async part => {
        part.end()
        await once(part, 'close')
      }),
    )
    const action = await store.create('/merge', 'action')
    await action.create('std/Merge', { interleaved: true })
    const writers = [await action.openWriter(), await action.openWriter(), await action.openWriter()]
    for (const writer of writers) await writer.write(Buffer.from('1,1\n'))
    const late = action.createWriteStream()
    late.write('1,1\n')
    expect((await once(late, 'error'))[0]).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      message: expect.stringContaining('3 streams'),
    })
    for (const writer of writers) await writer.close()
    const again = await action.openWriter()
    await again.write(Buffer.from('1,1\n'))
    await again.close()
    await store.delete('/merge')
    await store.delete('/bag')
    await expect(operator.fsck()).resolves.toMatchObject({ clean: true })
  })
})
