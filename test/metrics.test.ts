/** What /metrics tells, what docs/operating.md says of it, and what the dashboard asks for: the same names. */

import { StoreClient } from 'glider'
import { LocalCluster } from 'glider/cluster'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readText } from './support/deployment.ts'
import { failureOf } from './support/failure.ts'
import { makeAction } from './support/shared-cluster.ts'
import { bytesOf, textOf, writeAll } from './support/streams.ts'

interface Family {
  readonly type: string
  readonly help: string
  /** By name and labels, as they stand there. */
  readonly samples: Map<string, number>
}

type Role = 'metadata' | 'storage' | 'active'
const roles: readonly Role[] = ['metadata', 'storage', 'active']

let cluster: LocalCluster
let store: StoreClient

beforeAll(async () => {
  cluster = await LocalCluster.start({ inProcess: true, logLevel: 'silent', slots: 4, threads: 1, capacity: '16MiB' })
  store = await StoreClient.connect(cluster.address)
})

afterAll(async () => {
  await store.close()
  await cluster.stop()
})

async function scrape(role: Role): Promise<Map<string, Family>> {
  const { address } = cluster.servers.find(server => server.role === role)!
  const response = await fetch(`http://${address}/metrics`)
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  const families = new Map<string, Family>()
  let current: { name: string; type: string; help: string; samples: Map<string, number> } | undefined
  for (const line of (await response.text()).split('\n')) {
    const help = /^# HELP (\w+) (.+)$/.exec(line)
    const type = /^# TYPE (\w+) (\w+)$/.exec(line)
    const sample = /^(\w+)(\{.*\})? (\S+)$/.exec(line)
    if (help) current = { name: help[1]!, type: '', help: help[2]!, samples: new Map() }
    else if (type) {
      expect(type[1]).toBe(current!.name)
      families.set(current!.name, { ...current!, type: type[2]! })
    } else if (sample) {
      expect(sample[1]).toMatch(new RegExp(`^${current!.name}(_bucket|_sum|_count)?$`))
      current!.samples.set(`${sample[1]}${sample[2] ?? ''}`, Number(sample[3]))
    } else expect(line).toBe('')
  }
  return families
}

async function valueOf(role: Role, sample: string): Promise<number | undefined> {
  const families = await scrape(role)
  const name = /^\w+/.exec(sample)![0].replace(/_(bucket|sum|count)$/, '')
  return (families.get(name) ?? families.get(/^\w+/.exec(sample)![0]))?.samples.get(sample)
}

/** The rows of the table: names, and the server that has them. */
async function documented(): Promise<{ name: string; roles: readonly Role[] }[]> {
  const rows = [...(await readText('docs', 'operating.md')).matchAll(/^\| (`glider_.*?`) \| (\w+) \|/gm)]
  return rows.flatMap(([, names, server]) =>
    names!.split(', ').map(name => ({ name: name.slice(1, -1), roles: server === 'all' ? roles : [server as Role] })),
  )
}

describe('/metrics', () => {
  it.each(roles)('of the %s server has what docs/operating.md lists, and nothing else', async role => {
    const listed = (await documented()).filter(row => row.roles.includes(role)).map(({ name }) => name)
    expect([...(await scrape(role)).keys()].sort()).toEqual(listed.sort())
    expect(new Set(listed).size).toBe(listed.length)
  })

  it.each(roles)('of the %s server keeps to the conventions of Prometheus', async role => {
    for (const [name, { type, help }] of await scrape(role)) {
      expect(name).toMatch(/^glider(_[a-z]+)+$/)
      expect(name.endsWith('_total')).toBe(type === 'counter')
      if (type === 'histogram') expect(name).toMatch(/_(seconds|bytes)$/)
      // Base units alone.
      expect(name).not.toMatch(/_(ms|milliseconds|kib|mib|percent)(_|$)/)
      expect(help).toMatch(/^[A-Z].*\.$/)
    }
  })

  it('counts operations, their bytes, their times and their failures', async () => {
    const bytes = Buffer.alloc(3 << 20, 'x')
    await store.put('/bytes', bytes)
    await bytesOf((await store.lookup('/bytes', 'file')).createReadStream())
    await failureOf(store.lookup('/nothing'))
    const blocks = await scrape('storage')
    const sample = (family: string, name: string): number => blocks.get(family)!.samples.get(name)!
    const writes = sample('glider_operations_total', 'glider_operations_total{operation="writeBlock"}')
    expect(writes).toBe(sample('glider_block_writes_total', 'glider_block_writes_total'))
    expect(writes).toBeGreaterThanOrEqual(3)
    for (const [way, operation] of [
      ['received', 'writeBlock'],
      ['sent', 'readBlock'],
    ] as const) {
      const name = `glider_operation_${way}_bytes_total`
      expect(sample(name, `${name}{operation="${operation}"}`)).toBe(3 << 20)
    }
    const times = blocks.get('glider_operation_duration_seconds')!.samples
    const ofWrites = [...times].filter(([name]) => name.includes('"writeBlock"'))
    const counts = ofWrites.filter(([name]) => name.includes('_bucket')).map(([, value]) => value)
    expect(counts).toEqual(counts.toSorted((a, b) => a - b))
    expect(counts.at(-1)).toBe(writes)
    expect(times.get('glider_operation_duration_seconds_bucket{operation="writeBlock",le="+Inf"}')).toBe(writes)
    expect(times.get('glider_operation_duration_seconds_count{operation="writeBlock"}')).toBe(writes)
    expect(times.get('glider_operation_duration_seconds_sum{operation="writeBlock"}')).toBeGreaterThan(0)
    expect(await valueOf('metadata', 'glider_operation_failures_total{operation="lookup",code="NOT_FOUND"}')).toBe(1)
    expect(blocks.get('glider_blocks_held')!.samples.get('glider_blocks_held')).toBe(3)
    expect(blocks.get('glider_blocks_use_ratio')!.samples.get('glider_blocks_use_ratio')).toBe(3 / 16)
    const known = await scrape('metadata')
    expect(known.get('glider_cluster_blocks')!.samples.get('glider_cluster_blocks{class="dram"}')).toBe(16)
    expect(known.get('glider_cluster_blocks_used')!.samples.get('glider_cluster_blocks_used{class="dram"}')).toBe(3)
    expect(known.get('glider_cluster_blocks_free')!.samples.get('glider_cluster_blocks_free{class="dram"}')).toBe(13)
    expect(known.get('glider_cluster_servers')!.samples.get('glider_cluster_servers{role="storage",state="live"}')).toBe(1)
    await store.delete('/bytes')
  })

  it('counts what comes by REST as well', async () => {
    const name = 'glider_operations_total{operation="exists"}'
    const before = (await valueOf('metadata', name)) ?? 0
    const ask = (body: string): Promise<Response> =>
      fetch(`${cluster.address}/v1/exists`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    await (await ask('{"path":"/"}')).text()
    await (await ask('{"path":"no path"}')).text()
    expect(await valueOf('metadata', name)).toBe(before + 2)
    expect(await valueOf('metadata', 'glider_operation_failures_total{operation="exists",code="INVALID_PATH"}')).toBe(1)
  })

  it('counts the bytes that come and go by REST', async () => {
    const [received, sent] = ['received', 'sent'].map(
      (way, at) => `glider_operation_${way}_bytes_total{operation="${['put', 'get'][at]}"}`,
    ) as [string, string]
    const before = [(await valueOf('metadata', received)) ?? 0, (await valueOf('metadata', sent)) ?? 0]
    const ask = async (operation: string, body: object): Promise<unknown> =>
      (
        await fetch(`${cluster.address}/v1/${operation}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
      ).json()
    await ask('put', { path: '/rest', bytes: Buffer.alloc(1_000, 7).toString('base64') })
    expect(await ask('get', { path: '/rest' })).toEqual({ bytes: Buffer.alloc(1_000, 7).toString('base64') })
    const after = [await valueOf('metadata', received), await valueOf('metadata', sent)]
    expect(after).toEqual(before.map(bytes => bytes + 1_000))
    await store.delete('/rest')
  })

  it('counts turns of actions, streams that are open, and those that wait for credit', async () => {
    const node = await makeAction(store, '/queue', 'std/Queue', { interleaved: true })
    await writeAll(node.createWriteStream(), `${'x'.repeat(1_000)}\n`.repeat(8_000))
    await node.call('length').catch(() => {})
    const turns = (await scrape('active')).get('glider_action_turns_total')!.samples
    expect(turns.get('glider_action_turns_total{kind="create"}')).toBe(1)
    expect(turns.get('glider_action_turns_total{kind="write"}')).toBe(1)
    expect(turns.get('glider_action_turns_total{kind="call"}')).toBe(1)
    // Nobody reads it, so that its credit runs out.
    const reader = node.createReadStream()
    await new Promise(resolve => reader.once('readable', resolve))
    expect(await valueOf('active', 'glider_streams')).toBe(1)
    await vi.waitFor(async () => expect(await valueOf('active', 'glider_stream_credit_stalls_total')).toBeGreaterThan(0))
    expect(await valueOf('active', 'glider_slots_use_ratio')).toBe(1 / 4)
    reader.destroy()
    await new Promise(resolve => reader.once('close', resolve))
    await store.delete('/queue', { recursive: true })
  })

  it('counts what an action throws', async () => {
    const before = (await valueOf('active', 'glider_action_failures_total{kind="call"}'))!
    const node = await makeAction(store, '/merge', 'std/Merge')
    await writeAll(node.createWriteStream(), 'no number,x\n').catch(() => {})
    expect(await textOf(node.createReadStream())).toBe('')
    expect(await valueOf('active', 'glider_action_failures_total{kind="write"}')).toBe(1)
    expect(await valueOf('active', 'glider_action_failures_total{kind="call"}')).toBe(before)
    await store.delete('/merge')
  })
})

describe('the dashboard', () => {
  interface Panel {
    readonly id: number
    readonly type: string
    readonly title: string
    readonly datasource?: { readonly uid: string }
    readonly gridPos: { readonly x: number; readonly w: number }
    readonly targets?: readonly { readonly refId: string; readonly expr: string }[]
  }

  async function panels(): Promise<readonly Panel[]> {
    const dashboard = JSON.parse(await readText('deploy', 'grafana', 'dashboards', 'glider.json')) as { panels: Panel[] }
    return dashboard.panels
  }

  it('asks for metrics that there are, and shows each', async () => {
    const known = new Set((await documented()).map(({ name }) => name))
    const histograms = [...known].filter(name => name.endsWith('_seconds'))
    const names = new Set(histograms.flatMap(name => [`${name}_bucket`, `${name}_sum`, `${name}_count`]))
    for (const name of known) if (!histograms.includes(name)) names.add(name)
    const shown = new Set<string>()
    for (const { targets = [] } of await panels()) {
      for (const { expr } of targets) {
        const used = expr.match(/glider_\w+/g) ?? []
        expect(used.length).toBeGreaterThan(0)
        for (const name of used) {
          expect(names).toContain(name)
          shown.add(name.replace(/_(bucket|sum|count)$/, ''))
        }
      }
    }
    expect([...shown].sort()).toEqual([...known].sort())
  })

  it('asks by labels that the metrics have, and rates counters alone', async () => {
    const families = new Map<string, Family>()
    for (const [name, family] of (await Promise.all(roles.map(scrape))).flatMap(one => [...one])) {
      const samples = new Map([...(families.get(name)?.samples ?? []), ...family.samples])
      families.set(name, { ...family, samples })
    }
    for (const { targets = [] } of await panels()) {
      for (const { expr } of targets) {
        for (const [, name] of expr.matchAll(/(glider_\w+)\[/g)) {
          const family = families.get(name!) ?? families.get(name!.replace(/_(bucket|sum|count)$/, ''))
          expect(['counter', 'histogram']).toContain(family!.type)
        }
        for (const [, labels, inner] of expr.matchAll(/by \(([^)]*)\) \(([^()]*(?:\([^()]*\))?[^()]*)\)/g)) {
          const name = /glider_\w+/.exec(inner!)![0]
          const { samples } = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''))!
          const known = new Set([...samples.keys()].flatMap(sample => [...sample.matchAll(/(\w+)="/g)].map(([, label]) => label)))
          // Whose it is, Prometheus adds.
          for (const label of labels!.split(', ')) if (label !== 'instance') expect([...known]).toContain(label)
        }
      }
    }
  })

  it('is one that Grafana can show', async () => {
    const all = await panels()
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
    const source = await readText('deploy', 'grafana', 'provisioning', 'datasources', 'prometheus.yml')
    for (const { type, gridPos, datasource, targets = [] } of all) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
      if (type === 'row') continue
      expect(source).toContain(`uid: ${datasource!.uid}`)
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length)
    }
  })
})
