import { buildSync } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { catalogue } from '../protocol/catalogue.ts'
import { itLeavesNothing, makeAction, shareCluster } from './support/shared-cluster.ts'
import { bytesOf, textOf, writeAll } from './support/streams.ts'

const shared = shareCluster({ capacity: '32MiB', slots: 4, threads: 1 })

async function post(operation: string, body: unknown = {}): Promise<{ status: number; answer: unknown }> {
  const response = await fetch(`${shared.cluster.address}/v1/${operation}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, answer: await response.json() }
}

const onFrames = ['openWrite', 'extend', 'replaceBlock', 'commit', 'release', 'openRead', 'locate', 'locateParts', 'openObject']
const offered = Object.values(catalogue)
  .filter(({ server, internal, name }) => server === 'metadata' && !internal && !onFrames.includes(name))
  .map(({ name }) => name)

describe('REST', () => {
  it('deploys a module in base64, and makes objects of it', async () => {
    const source = `import { Action } from 'glider/action'\nexport class Hello extends Action { static calls = ['say']; say() { return 'hello' } }`
    const [{ contents } = { contents: new Uint8Array() }] = buildSync({
      stdin: { contents: source, loader: 'ts' },
      write: false,
      format: 'esm',
    }).outputFiles
    const bytes = Buffer.from(contents).toString('base64')
    expect(await post('deploy', { name: 'hello', bytes })).toMatchObject({
      status: 200,
      answer: { name: 'hello', classes: [{ name: 'Hello', calls: ['say'] }] },
    })
    expect((await post('create', { path: '/h', type: 'action' })).status).toBe(200)
    expect(await post('createObject', { path: '/h', definition: 'Hello' })).toMatchObject({
      status: 200,
      answer: { object: { state: 'live', definition: 'hello/Hello' } },
    })
    expect(await (await shared.store.lookup('/h', 'action')).call('say')).toBe('hello')
    expect(await post('deleteObject', { path: '/h' })).toEqual({ status: 200, answer: { deleted: true } })
    expect(await post('definitions')).toMatchObject({ status: 200, answer: { bundles: expect.any(Array) } })
    await shared.store.delete('/h')
  })

  it('is described at /openapi.json, every operation and no other', async () => {
    const response = await fetch(`${shared.cluster.address}/openapi.json`)
    const description = (await response.json()) as { openapi: string; paths: Record<string, unknown> }
    expect(response.status).toBe(200)
    expect(description.openapi).toMatch(/^3\./)
    expect(Object.keys(description.paths).sort()).toEqual(offered.map(name => `/v1/${name}`).sort())
  })

  it('stands beside health, readiness and metrics on each server', async () => {
    for (const { address, role } of shared.cluster.servers) {
      expect(await (await fetch(`http://${address}/healthz`)).json()).toMatchObject({ status: 'ok', role })
      expect((await fetch(`http://${address}/readyz`)).status).toBe(200)
      expect(await (await fetch(`http://${address}/metrics`)).text()).toContain('glider_')
    }
  })
})

describe('frames over WebSockets', () => {
  it('carry files, streams, actions and calls', async () => {
    const store = await shared.connect(shared.cluster.address.replace('http:', 'ws:'))
    const bytes = Buffer.alloc((5 << 20) + 1, 'websocket ')
    await store.put('/ws', bytes)
    expect((await store.get('/ws')).equals(bytes)).toBe(true)
    expect((await shared.store.get('/ws')).equals(bytes)).toBe(true)
    const file = await store.create('/ws2', 'file')
    await writeAll(file.createWriteStream(), bytes)
    expect((await bytesOf(file.createReadStream({ start: 1 << 20 }))).equals(bytes.subarray(1 << 20))).toBe(true)
    await using handle = await file.open({ write: true })
    await handle.write(0, Buffer.from('direct'))
    const node = await makeAction(store, '/ws3', 'std/Sorter', { interleaved: true })
    const lines = Array.from({ length: 200_000 }, (_, i) => String((i * 7919) % 200_000))
    await writeAll(node.createWriteStream(), lines.join('\n'))
    expect(await textOf(node.createReadStream())).toBe(`${lines.sort().join('\n')}\n`)
    expect(await node.call('size')).toMatchObject({ lines: 200_000 })
    await expect(store.get('/missing')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await handle.close()
    await store.close()
  })
})

itLeavesNothing(shared)
