/** What servers do between a signal and their end. */

import { once } from 'node:events'
import { type ActionNode, StoreClient } from 'glider'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { failureOf } from './support/failure.ts'
import { ServerProcess } from './support/server-process.ts'
import { makeAction, temporaryFolder } from './support/shared-cluster.ts'
import { ended, errorOf, textOf, written } from './support/streams.ts'

// Processes take their time to start where there are few cores.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const MIB = 1 << 20

/** For as long as no test has anything to wait for. */
const LONG = ['--drain', '5m']
/** Less than anything that a test lets run. */
const SHORT = ['--drain', '300ms']

async function readiness(address: string): Promise<{ status: number; ready: boolean; reasons: string[] }> {
  const response = await fetch(`http://${address}/readyz`)
  return { status: response.status, ...((await response.json()) as { ready: boolean; reasons: string[] }) }
}

let metadata: ServerProcess
let store: StoreClient

beforeAll(async () => {
  metadata = await ServerProcess.start('metadata', ['--port', '0', '--dead-after', '2s'])
  store = await StoreClient.connect(`http://${metadata.address}`)
})

afterAll(async () => {
  await store.close()
  await metadata[Symbol.asyncDispose]()
})

function storage(flags: readonly string[] = LONG): Promise<ServerProcess> {
  return ServerProcess.start('storage', ['--metadata', metadata.address, '--capacity', '32MiB', ...flags])
}

function active(flags: readonly string[] = LONG): Promise<ServerProcess> {
  return ServerProcess.start('active', ['--metadata', metadata.address, '--slots', '4', '--threads', '1', ...flags])
}

/** Until the metadata server has heard of it. */
async function isDraining({ address }: ServerProcess, from = store): Promise<void> {
  await vi.waitFor(async () => {
    const server = (await from.servers()).find(one => one.address === address)
    expect(server).toMatchObject({ state: 'draining', free: 0 })
  })
}

async function countedBy(node: ActionNode): Promise<number> {
  return ((await node.call('value')) as { lines: number }).lines
}

describe('an active server that is told to end', () => {
  it('finishes what runs, takes nothing new, says so, and exits with 0', async () => {
    await using server = await active()
    const node = await makeAction(store, '/counter', 'std/Counter', { interleaved: true })
    const writer = node.createWriteStream()
    await written(writer, 'one\n')
    expect(await readiness(server.address)).toEqual({ status: 200, ready: true, reasons: [] })
    server.signal('SIGTERM')
    await server.logged('draining')
    expect(await readiness(server.address)).toEqual({ status: 503, ready: false, reasons: ['draining'] })
    const refusals = [
      failureOf(node.call('value')),
      errorOf(node.createReadStream().resume()),
      // With its end in the same turn it goes as one request.
      errorOf(node.createWriteStream().end('x\n')),
    ]
    for (const refusal of await Promise.all(refusals)) {
      expect(refusal).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
      expect(refusal.outcome).toBeUndefined()
      expect(refusal.message).toMatch(/draining/)
    }
    await isDraining(server)
    const other = await store.create('/other', 'action')
    expect((await failureOf(other.create('std/Counter'))).code).toBe('NO_SLOT')
    await written(writer, 'two\n')
    await ended(writer)
    expect(await server.exited).toBe(0)
    expect(await server.logged('drained')).toBeDefined()
    await store.delete('/counter')
    await store.delete('/other')
  })

  it('has clients go to another', async () => {
    await using first = await active()
    await makeAction(store, '/old', 'std/Counter')
    const writer = (await store.lookup('/old', 'action')).createWriteStream()
    await written(writer, 'one\n')
    await using second = await active()
    first.signal('SIGINT')
    await isDraining(first)
    for (const at of ['/new/1', '/new/2']) {
      const node = await makeAction(store, at, 'std/Counter')
      expect((await node.stat()).object!.server).toBe(second.address)
      expect(await countedBy(node)).toBe(0)
    }
    await ended(writer)
    expect(await first.exited).toBe(0)
    await store.delete('/new', { recursive: true })
    await store.delete('/old', { recursive: true })
  })

  it('cuts off what still runs when the time is over, and exits with 0 all the same', async () => {
    await using server = await active(SHORT)
    const node = await makeAction(store, '/cut', 'std/Counter')
    const writer = node.createWriteStream()
    await written(writer, 'one\n')
    const failure = errorOf(writer)
    server.signal('SIGTERM')
    const cut = await server.logged('the time to drain is over: what still runs is cut off')
    expect(cut.running).toBe('streams and requests: 1')
    expect(await failure).toMatchObject({ code: 'UNAVAILABLE', outcome: 'unknown' })
    expect(await server.exited).toBe(0)
    await store.delete('/cut', { recursive: true })
  })

  it('does not wait for those who follow a log', async () => {
    await using server = await active()
    const node = await makeAction(store, '/followed', 'std/Counter')
    const logs = node.logs({ follow: true })
    const lines = logs[Symbol.asyncIterator]()
    const over = failureOf(lines.next())
    server.signal('SIGTERM')
    expect(await server.exited).toBe(0)
    expect((await over).code).toBe('UNAVAILABLE')
    await store.delete('/followed', { recursive: true })
  })

  it('ends at once at a second signal', async () => {
    await using server = await active()
    const node = await makeAction(store, '/hurry', 'std/Counter')
    const writer = node.createWriteStream()
    await written(writer, 'one\n')
    const failure = errorOf(writer)
    server.signal('SIGTERM')
    await server.logged('draining')
    server.signal('SIGTERM')
    expect(await server.exited).toBe(1)
    expect((await failure).code).toBe('UNAVAILABLE')
    await store.delete('/hurry', { recursive: true })
  })
})

describe('a storage server that is told to end', () => {
  it('lets writers finish, is given nothing new, and exits with 0', async () => {
    await using first = await storage()
    const writer = (await store.create('/long', 'file')).createWriteStream()
    await written(writer, Buffer.alloc(3 * MIB, 'a'))
    await using second = await storage()
    first.signal('SIGTERM')
    await isDraining(first)
    expect(await readiness(first.address)).toMatchObject({ status: 503, reasons: ['draining'] })
    const before = await used(second)
    await store.put('/new', Buffer.alloc(4 * MIB, 'b'))
    expect((await used(second)) - before).toBe(4)
    expect((await store.get('/new')).length).toBe(4 * MIB)
    // What is there can be read until the end.
    await written(writer, Buffer.alloc(3 * MIB, 'c'))
    await ended(writer)
    expect(await first.exited).toBe(0)
    expect(await first.logged('drained')).toBeDefined()
    await store.delete('/new')
    await store.delete('/long')
  })

  it('lets readers go on', async () => {
    await using server = await storage()
    await store.put('/read', Buffer.alloc(16 * MIB, 'r'))
    const reader = (await store.lookup('/read', 'file')).createReadStream()
    await once(reader, 'readable')
    server.signal('SIGTERM')
    await server.logged('draining')
    expect(await textOf(reader)).toHaveLength(16 * MIB)
    expect(await server.exited).toBe(0)
    await store.delete('/read')
  })

  it('cuts off writers when the time is over, and exits with 0 all the same', async () => {
    await using server = await storage(SHORT)
    const file = await store.create('/cut', 'file')
    const writer = file.createWriteStream()
    await written(writer, Buffer.alloc(MIB))
    const failure = errorOf(writer)
    server.signal('SIGTERM')
    expect((await server.logged('the time to drain is over: what still runs is cut off')).running).toBe('writers: 1')
    expect(await server.exited).toBe(0)
    expect((await failure).code).toBe('DATA_LOST')
    await store.delete('/cut')
  })

  it('ends at once at a second signal', async () => {
    await using server = await storage()
    const writer = (await store.create('/hurry', 'file')).createWriteStream()
    await written(writer, Buffer.alloc(MIB))
    const failure = errorOf(writer)
    server.signal('SIGINT')
    await server.logged('draining')
    server.signal('SIGINT')
    expect(await server.exited).toBe(1)
    // Whether the server had acknowledged any of it.
    expect(['DATA_LOST', 'NO_SPACE']).toContain((await failure).code)
    await store.delete('/hurry')
  })
})

describe('a metadata server that is told to end', () => {
  it('lets writers finish, refuses what is new, and exits with 0', async () => {
    await using server = await ServerProcess.start('metadata', ['--port', '0', ...LONG])
    await using blocks = await ServerProcess.start('storage', ['--metadata', server.address, '--capacity', '32MiB'])
    await using client = await StoreClient.connect(`http://${server.address}`)
    const writer = (await client.create('/f', 'file')).createWriteStream()
    await written(writer, Buffer.alloc(3 * MIB, 'a'))
    server.signal('SIGTERM')
    await server.logged('draining')
    expect(await readiness(server.address)).toEqual({ status: 503, ready: false, reasons: ['draining'] })
    const refused = await failureOf(client.create('/g', 'file', { timeoutMs: 200 }))
    expect(refused).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    expect(refused.message).toMatch(/draining/)
    const rest = await fetch(`http://${server.address}/v1/lookup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"path":"/f"}',
    })
    expect(rest.status).toBe(503)
    expect(await rest.json()).toMatchObject({ error: { code: 'UNAVAILABLE', message: expect.stringMatching(/draining/) } })
    await written(writer, Buffer.alloc(5 * MIB, 'b'))
    await ended(writer)
    expect(await server.exited).toBe(0)
    expect(blocks.process.exitCode).toBeNull()
  })

  it('has clients go on with the one that is started in its place', async () => {
    await using folder = await temporaryFolder()
    const flags = ['--state-dir', folder.path, ...LONG]
    await using server = await ServerProcess.start('metadata', ['--port', '0', ...flags])
    await using blocks = await ServerProcess.start('storage', ['--metadata', server.address, '--capacity', '32MiB'])
    await using client = await StoreClient.connect(`http://${server.address}`)
    const writer = (await client.create('/f', 'file')).createWriteStream()
    await written(writer, 'x')
    server.signal('SIGTERM')
    await server.logged('draining')
    const made = client.create('/g', 'file')
    await ended(writer)
    expect(await server.exited).toBe(0)
    const port = server.address.slice(server.address.indexOf(':') + 1)
    await using again = await ServerProcess.start('metadata', ['--port', port, ...flags])
    expect((await made).path).toBe('/g')
    expect((await client.get('/f')).toString()).toBe('x')
    expect(again.address).toBe(server.address)
    expect(blocks.process.exitCode).toBeNull()
  })

  it('exits with 0 when the time is over, and at once at a second signal', async () => {
    for (const [flags, again, status] of [
      [SHORT, false, 0],
      [LONG, true, 1],
    ] as const) {
      await using server = await ServerProcess.start('metadata', ['--port', '0', ...flags])
      await using client = await StoreClient.connect(`http://${server.address}`)
      const handle = await (await client.create('/f', 'file')).open({ write: true })
      server.signal('SIGTERM')
      await server.logged('draining')
      if (again) server.signal('SIGTERM')
      expect(await server.exited).toBe(status)
      await client.close()
      expect((await failureOf(handle.close())).code).toBe('UNAVAILABLE')
    }
  })
})

/** Blocks taken on the server. */
async function used({ address }: ServerProcess): Promise<number> {
  return (await store.servers()).find(one => one.address === address)!.used
}
