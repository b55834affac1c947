import { StoreClient } from 'glider'
import { LocalCluster } from 'glider/cluster'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runCommand } from '../cli/command.test.helper.ts'

const clusterSecret = 'a secret of the cluster, for this test alone'
const adminToken = 'the token of the operator, for this test alone'
const MIB = 1 << 20

let cluster: LocalCluster
let operator: StoreClient
const tokens = { busy: '', idle: '' }
let busy: StoreClient
let idle: StoreClient

beforeAll(async () => {
  const limits = { capacity: '16MiB', slots: 4, threads: 1, activeServers: 0, storageServers: 2 } as const
  cluster = await LocalCluster.start({ ...limits, clusterSecret, adminToken, logLevel: 'silent' })
  operator = await StoreClient.connect(cluster.address, { token: adminToken })
  for (const name of ['busy', 'idle'] as const) tokens[name] = (await operator.createNamespace(name)).token
  await cluster.addServer('active', { namespace: 'busy' })
  busy = await StoreClient.connect(cluster.address, { token: tokens.busy })
  idle = await StoreClient.connect(cluster.address, { token: tokens.idle })
})

afterAll(async () => {
  for (const store of [busy, idle, operator]) await store?.close()
  await cluster?.stop()
})

/** Servers tell each second. */
async function usageWhen(
  store: StoreClient,
  isThere: (consumed: Awaited<ReturnType<StoreClient['usage']>>['consumed']) => boolean,
) {
  for (;;) {
    const { consumed } = await store.usage()
    if (isThere(consumed)) return consumed
  }
}

async function metrics(token?: string): Promise<string> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return (await fetch(`${cluster.address}/metrics`, { headers })).text()
}

it('tells what a namespace has had, to the byte, and of no other', async () => {
  await busy.put('/file', Buffer.alloc(3 * MIB, 7))
  await busy.get('/file')
  await busy.put('/small', 'five!')
  const action = await busy.create('/merge', 'action')
  await action.create('std/Merge')
  const writer = action.createWriteStream()
  writer.end('a,1\nb,2\n')
  await new Promise((resolve, reject) => writer.on('close', resolve).on('error', reject))
  const read = action.createReadStream().setEncoding('utf8')
  let text = ''
  for await (const chunk of read) text += chunk as string
  const bytesIn = 3 * MIB + 5 + 8
  const bytesOut = 3 * MIB + text.length
  const consumed = await usageWhen(busy, now => now.bytesIn >= bytesIn && now.bytesOut >= bytesOut && now.actionMs > 0)
  expect(consumed).toMatchObject({ bytesIn, bytesOut })
  expect(consumed.byteSeconds.dram).toBeGreaterThan(0)
  expect(consumed.slotSeconds).toBeGreaterThan(0)
  expect(consumed.inlineByteSeconds).toBeGreaterThan(0)
  expect(consumed.operations).toBeGreaterThan(12)
  expect((await idle.usage()).consumed).toMatchObject({ bytesIn: 0, bytesOut: 0, actionMs: 0, byteSeconds: {}, slotSeconds: 0 })
  const all = new Map((await operator.namespaces()).map(({ name, usage }) => [name, usage.consumed]))
  expect(all.get('busy')).toMatchObject({ bytesIn, bytesOut })
  expect(all.get('idle')).toMatchObject({ bytesIn: 0, bytesOut: 0 })
  expect((await operator.usage()).consumed).toMatchObject({ bytesIn: 0, bytesOut: 0 })
})

it('is in the metrics for the operator, and for nobody else', async () => {
  const told = await metrics(adminToken)
  expect(told).toContain('# TYPE glider_namespace_received_bytes_total counter')
  expect(told).toMatch(/^glider_namespace_received_bytes_total\{namespace="busy"\} [1-9]\d*$/m)
  expect(told).toMatch(/^glider_namespace_received_bytes_total\{namespace="idle"\} 0$/m)
  expect(told).toMatch(/^glider_namespace_stored_byte_seconds_total\{namespace="busy",class="dram"\} [1-9]/m)
  expect(told).toMatch(/^glider_namespace_action_seconds_total\{namespace="busy"\} 0?\.?\d/m)
  for (const token of [undefined, tokens.busy, 'x']) {
    const text = await metrics(token)
    expect(text).toContain('glider_nodes')
    expect(text).not.toContain('glider_namespace')
    expect(text).not.toContain('busy')
  }
})

it('is told by the command: all to operators, their own to tenants', async () => {
  const run = async (token: string, ...flags: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runCommand(['--address', cluster.address, '--token', token, ...flags, 'usage'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return stdout
  }
  expect(await run(adminToken)).toMatch(/^NAMESPACE .*\nbusy .*\ndefault .*\nidle /)
  const listed = JSON.parse(await run(adminToken, '--json')) as { name: string; consumed: { bytesIn: number } }[]
  expect(listed.find(({ name }) => name === 'busy')!.consumed.bytesIn).toBeGreaterThan(3 * MIB)
  const own = JSON.parse(await run(tokens.idle, '--json')) as object
  expect(own).toMatchObject({ nodes: 0, consumed: { bytesIn: 0 } })
  expect(await run(tokens.busy)).toMatch(/^nodes +3\nbytes +/)
  expect(await run(tokens.busy)).not.toContain('idle')
})
