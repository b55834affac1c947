import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { StoreClient } from 'glider'
import { LocalCluster } from 'glider/cluster'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectClean } from './support/clean.ts'

let cluster: LocalCluster
let store: StoreClient
let folder: string

/** Its onDelete leaves a trace where no lease ends it. */
const traced = `
import { Action } from 'glider/action'
export class Traced extends Action {
  async onDelete() { await this.store.put('/traces' + this.path, 'deleted', { parents: true }) }
}
`

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'glider-leases-'))
  await writeFile(path.join(folder, 'traced.js'), traced)
  cluster = await LocalCluster.start({ blockSize: '64KiB', capacity: '16MiB', slots: 8 })
  store = await StoreClient.connect(cluster.address)
  await store.deploy(path.join(folder, 'traced.js'))
})

afterAll(async () => {
  if (store) await expectClean(store)
  await store?.close()
  await cluster?.stop()
  await rm(folder, { recursive: true, force: true })
})

async function holder(ttlMs: number): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL('./lease-holder.test.helper.js', import.meta.url)), [cluster.address, `${ttlMs}`], {
    execArgv: [],
  })
  const [message] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => ['it ended before'])])
  expect(message).toBe('ready')
  return child
}

/** Asks until the answer is that; the test's own signal bounds it. */
async function until(signal: AbortSignal, ask: () => Promise<boolean>): Promise<void> {
  while (!(await ask())) signal.throwIfAborted()
}

function gone(signal: AbortSignal, path: string): Promise<void> {
  return until(signal, async () => !(await store.exists(path, { signal })))
}

test('a process that is killed leaves nothing behind: blocks and slots are free, and every onDelete has run', async ({
  signal,
}) => {
  const before = await store.usage()
  const child = await holder(2000)
  try {
    const full = await store.usage()
    expect(full.blocks - before.blocks).toBeGreaterThan(8)
    expect(full.slots - before.slots).toBe(3)
    // What nobody renews passes meanwhile.
    const passer = await StoreClient.connect(cluster.address)
    await passer.create('/passes', 'directory', { ttlMs: 2500 })
    await passer.close()
    await gone(signal, '/passes')
    expect(await store.exists('/job/deep/large')).toBe(true)
    expect(await store.exists('/scratch/file')).toBe(true)
  } finally {
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  for (const path of ['/job', '/scratch/file', '/scratch/action']) await gone(signal, path)
  for (const path of ['/job/deep/a', '/job/deep/b', '/scratch/action']) {
    await until(signal, () => store.exists(`/traces${path}`, { signal }))
  }
  expect(await store.exists('/scratch')).toBe(true)
  for (const path of ['/traces', '/scratch']) await store.delete(path, { recursive: true })
  await until(signal, async () => (await store.usage({ signal })).slots === before.slots)
  expect(await store.usage()).toEqual({ ...before, consumed: expect.anything() })
})

test('a process that stood still for longer than its time is told that its lease is lost', async ({ signal }) => {
  const child = await holder(1000)
  try {
    child.kill('SIGSTOP')
    await gone(signal, '/job')
    child.kill('SIGCONT')
    const [code] = await once(child, 'message')
    expect(code).toBe('NOT_FOUND')
  } finally {
    child.kill('SIGKILL')
  }
  for (const path of ['/scratch/file', '/scratch/action']) await gone(signal, path)
  for (const path of ['/job/deep/a', '/job/deep/b', '/scratch/action']) {
    await until(signal, () => store.exists(`/traces${path}`, { signal }))
  }
  for (const path of ['/traces', '/scratch']) await store.delete(path, { recursive: true })
})
