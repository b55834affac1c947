import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { StoreClient } from '../client/index.ts'
import { CommandCluster } from './command.test.helper.ts'
import { parseSamples } from './metrics.system.ts'
import { Interrupted } from './run.ts'
import { type Figures, figuresOf, type Sight } from './top-figures.ts'

describe('top', () => {
  let on: CommandCluster
  let store: StoreClient

  beforeAll(async () => {
    on = await CommandCluster.start()
    store = await StoreClient.connect(on.cluster.address)
    const node = await store.create('/busy', 'action')
    await node.create('std/Counter')
    for (let i = 0; i < 3; i++) await node.call('value')
    await store.put('/bytes', Buffer.alloc(2 << 20))
  })

  afterAll(async () => {
    await store.delete('/busy')
    await store.delete('/bytes')
    await store.close()
    await on.stop()
  })

  it('shows servers, classes and actions once, and ends', async () => {
    const table = await on.glider(['top', '--once', '--interval', '50ms'])
    expect(table).toMatch(/^SERVER +ROLE +ADDRESS +STATE +USE +STREAMS +OPS\/S +IN\/S +OUT\/S +STALLS\/S$/m)
    expect(table).toMatch(/^metadata +metadata +127\.0\.0\.1:\d+ +live +0 +\d/m)
    expect(table).toMatch(/^storage-1 +storage +127\.0\.0\.1:\d+ +live +25 % +0 +\d+ +0 B +0 B +0$/m)
    expect(table).toMatch(/^dram +1 +8 +2 +6$/m)
    expect(table).toMatch(/^active +1 +2 +1 +1$/m)
    expect(table).toMatch(/^\/busy +active-1 +0 +0 +3$/m)
    // Without a terminal nothing moves its cursor.
    expect(table).not.toContain('\u001b')
  })

  it('tells programs the same in JSON', async () => {
    const figures = JSON.parse(await on.glider(['top', '--once', '--interval', '50ms', '--json'])) as Figures
    expect(figures.servers.map(({ role, state }) => `${role} ${state}`)).toEqual(['metadata live', 'storage live', 'active live'])
    expect(figures.servers[1]).toMatchObject({ id: 'storage-1', use: 0.25, streams: 0 })
    expect(figures.classes).toContainEqual({ class: 'dram', servers: 1, capacity: 8, used: 2, free: 6 })
    expect(figures.actions).toEqual([{ path: '/busy', server: 'active-1', streams: 0, turns: 3, turnsPerSecond: 0 }])
  })

  it('goes on until it is interrupted', async () => {
    const interrupt = new AbortController()
    const onOutput = (): void => interrupt.abort(new Interrupted(130))
    const { code, stderr } = await on.try(['top', '--interval', '10ms'], { signal: interrupt.signal, onOutput })
    expect(stderr).toBe('')
    expect([0, 130]).toContain(code)
  })

  it('refuses an interval that is none', async () => {
    expect(await on.try(['top', '--interval', 'soon'])).toMatchObject({ code: 2 })
  })
})

describe('figures', () => {
  const at = '127.0.0.1:1'

  function sight(atMs: number, operations: number, turns: number): Sight {
    const page = `# HELP x\nglider_operations_total{operation="a"} ${operations}\nglider_operations_total{operation="b"} 1\nglider_streams 2\n`
    const objects = [
      { path: '/quiet', server: 'active-1', streams: 9, turns: 50 },
      { path: '/busy', server: 'active-1', streams: 0, turns },
    ]
    return { atMs, servers: [], samples: new Map([[at, parseSamples(page)]]), objects }
  }

  it('are rates between two looks, with the busiest action first', () => {
    const { servers, actions } = figuresOf(sight(0, 10, 5), sight(2_000, 30, 9), at, 10)
    expect(servers).toMatchObject([{ operationsPerSecond: 10, streams: 2, state: 'live' }])
    expect(actions.map(({ path, turnsPerSecond }) => [path, turnsPerSecond])).toEqual([
      ['/busy', 2],
      ['/quiet', 0],
    ])
  })

  it('of a server that was started again, or does not answer, are no rates below 0', () => {
    const { servers, actions } = figuresOf(sight(0, 10, 5), sight(1_000, 3, 2), at, 1)
    expect(servers[0]!.operationsPerSecond).toBe(0)
    expect(actions).toHaveLength(1)
    expect(actions[0]).toMatchObject({ path: '/busy', turnsPerSecond: 2 })
    const silent = { ...sight(1_000, 3, 2), samples: new Map() }
    expect(figuresOf(sight(0, 1, 1), silent, at, 1).servers).toEqual([
      { id: 'metadata', role: 'metadata', address: at, state: 'silent' },
    ])
  })
})
