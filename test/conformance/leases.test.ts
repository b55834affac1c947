import { once } from 'node:events'
import type { StoreClient } from 'glider'
import { describe, expect, it } from 'vitest'
import { codeOf, failureOf } from '../support/failure.ts'
import { openDeployment } from './support/deployment.ts'

const deployment = openDeployment()

/** Asks until nothing is there; the test's own signal bounds it. */
async function gone(path: string, signal: AbortSignal): Promise<void> {
  while (await deployment.store.exists(path, { signal })) signal.throwIfAborted()
}

/** Takes as long as a lease does that nobody renews. */
async function passTime(base: string, ttlMs: number, signal: AbortSignal): Promise<void> {
  const other: StoreClient = await deployment.connect()
  const path = `${base}/passes-${ttlMs}`
  await other.create(path, 'directory', { ttlMs })
  await other.close()
  await gone(path, signal)
}

describe('a lease', () => {
  it('is renewed by its client, and so its node lives for longer than its time', async ({ signal }) => {
    const { store } = deployment
    const base = await deployment.directory()
    await store.create(`${base}/leased`, 'directory')
    await store.create(`${base}/created`, 'file', { ttlMs: 1500 })
    await using lease = await store.lease(`${base}/leased`, { ttlMs: 1500 })
    await passTime(base, 2000, signal)
    expect(await store.exists(`${base}/leased`)).toBe(true)
    expect(await store.exists(`${base}/created`)).toBe(true)
    expect(lease.signal.aborted).toBe(false)
  })

  it('is neither renewed nor released by close of the store, and its node runs out with all below it', async ({ signal }) => {
    const { store } = deployment
    const base = await deployment.directory()
    const other = await deployment.connect()
    await other.create(`${base}/created`, 'directory', { ttlMs: 300 })
    await other.put(`${base}/created/a/x`, 'below', { parents: true })
    await other.create(`${base}/leased`, 'file')
    const lease = await other.lease(`${base}/leased`, { ttlMs: 300 })
    await other.close()
    expect(await store.exists(`${base}/created/a/x`)).toBe(true)
    for (const name of ['created/a/x', 'created', 'leased']) await gone(`${base}/${name}`, signal)
    expect(lease.signal.aborted).toBe(false)
    expect(await codeOf(lease.renew())).toBe('UNAVAILABLE')
  })

  it('of several that runs out first ends the node, and the others are told', async ({ signal }) => {
    const { store } = deployment
    const base = await deployment.directory()
    const other = await deployment.connect()
    const path = `${base}/two`
    await store.create(path, 'directory')
    const mine = await store.lease(path, { ttlMs: 600 })
    const theirs = await other.lease(path, { ttlMs: 600 })
    const lost = once(mine.signal, 'abort')
    await other.close()
    await gone(path, signal)
    await lost
    expect(mine.signal.reason).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining(path) })
    expect(theirs.signal.aborted).toBe(false)
    expect(await codeOf(mine.renew())).toBe('NOT_FOUND')
    expect(await codeOf(mine.release())).toBe('NOT_FOUND')
  })

  it('does not save a node from the lease of an ancestor, and moves with a rename', async ({ signal }) => {
    const { store } = deployment
    const base = await deployment.directory()
    const other = await deployment.connect()
    await other.create(`${base}/above`, 'directory', { ttlMs: 1000 })
    await store.create(`${base}/above/stays`, 'file')
    await store.create(`${base}/above/moves`, 'file')
    await other.create(`${base}/above/takes-its-own`, 'file', { ttlMs: 1000 })
    const stays = await store.lease(`${base}/above/stays`, { ttlMs: 2000 })
    const moves = await store.lease(`${base}/above/moves`, { ttlMs: 2000 })
    await store.rename(`${base}/above/moves`, `${base}/moved`)
    await store.rename(`${base}/above/takes-its-own`, `${base}/taken`)
    await other.close()
    await gone(`${base}/above`, signal)
    expect(await codeOf(stays.renew())).toBe('NOT_FOUND')
    await gone(`${base}/taken`, signal)
    await moves.renew()
    expect(await store.exists(`${base}/moved`)).toBe(true)
    await moves.release()
  })

  it('that is released, or disposed of, lets its node live on', async ({ signal }) => {
    const { store } = deployment
    const base = await deployment.directory()
    await store.create(`${base}/kept`, 'directory')
    {
      await using lease = await store.lease(`${base}/kept`, { ttlMs: 400 })
      await lease.renew()
    }
    const released = await store.lease(`${base}/kept`, { ttlMs: 400 })
    await released.release()
    expect(await codeOf(released.renew())).toBe('NOT_FOUND')
    await passTime(base, 1000, signal)
    expect(await store.exists(`${base}/kept`)).toBe(true)
  })

  it('ends with its node', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    await store.create(`${base}/x`, 'file')
    const lease = await store.lease(`${base}/x`, { ttlMs: 60_000 })
    await store.delete(`${base}/x`)
    await store.create(`${base}/x`, 'file')
    expect(await codeOf(lease.renew())).toBe('NOT_FOUND')
    expect(await store.exists(`${base}/x`)).toBe(true)
  })

  it('ends an action with its object', async ({ signal }) => {
    const { store } = deployment
    const base = await deployment.directory()
    const other = await deployment.connect()
    const node = await other.create(`${base}/action`, 'action', { ttlMs: 500 })
    await node.create('std/Counter')
    const kept = await store.lookup(`${base}/action`, 'action')
    await other.close()
    await gone(`${base}/action`, signal)
    expect(await codeOf(kept.call('value'))).toBe('NOT_FOUND')
  })

  it('is none for a node that was there already and is opened', async ({ signal }) => {
    const { store } = deployment
    const base = await deployment.directory()
    const other = await deployment.connect()
    await store.create(`${base}/there`, 'file')
    await other.create(`${base}/there`, 'file', { ifExists: 'open', ttlMs: 300 })
    await other.create(`${base}/parent/x`, 'file', { parents: true, ttlMs: 300 })
    await other.close()
    await gone(`${base}/parent/x`, signal)
    expect(await store.exists(`${base}/there`)).toBe(true)
    expect(await store.exists(`${base}/parent`)).toBe(true)
  })

  it('is refused for the root, for nothing, and for a time that makes no sense', async () => {
    const { store } = deployment
    const base = await deployment.directory()
    expect(await codeOf(store.lease('/', { ttlMs: 1000 }))).toBe('INVALID_ARGUMENT')
    expect(await failureOf(store.lease(`${base}/none`, { ttlMs: 1000 }))).toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(`${base}/none`),
    })
    for (const ttlMs of [0, -1, 0.5, Number.NaN, 86_400_001]) {
      expect(await codeOf(store.lease(base, { ttlMs }))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(store.create(`${base}/x`, 'file', { ttlMs }))).toBe('INVALID_ARGUMENT')
    }
    expect(await codeOf(store.lease(base, { ttlMs: 1000, signal: AbortSignal.abort() }))).toBe('CANCELLED')
    expect(await store.exists(`${base}/x`)).toBe(false)
  })
})
