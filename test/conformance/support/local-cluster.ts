/** What the conformance suite is run against: the deployment at GLIDER_URL, or without one a cluster of its own. */
import { StoreClient } from 'glider'
import { LocalCluster } from 'glider/cluster'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    gliderUrl: string
  }
}

/** Called by vitest before the first test; what it answers is called after the last. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env['GLIDER_URL']
  if (given !== undefined && given !== '') {
    project.provide('gliderUrl', given)
    return undefined
  }
  const cluster = await LocalCluster.start({
    storageServers: [{ capacity: '128MiB' }, { capacity: '128MiB' }, { capacity: '16MiB', storageClass: 'cold' }],
    slots: 32,
    threads: 1,
  })
  project.provide('gliderUrl', cluster.address)
  return async () => {
    try {
      await assertEmpty(cluster.address)
    } catch (error) {
      // Vitest tells what a teardown throws, but calls the run a success.
      process.exitCode = 1
      throw error
    } finally {
      await cluster.stop()
    }
  }
}

/** The tests have deleted what they made; nodes are gone at once, and what they held soon after. */
async function assertEmpty(address: string): Promise<void> {
  await using store = await StoreClient.connect(address)
  const signal = AbortSignal.timeout(5000)
  for (;;) {
    const { nodes, storedBytes, blocks, slots } = await store.usage()
    const usage = { nodes, storedBytes, blocks, slots }
    const full = (await store.servers()).filter(({ capacity, free }) => free < capacity)
    if (Object.values(usage).every(count => count === 0) && full.length === 0) break
    if (signal.aborted) throw new Error(`the tests have left something behind: ${JSON.stringify({ usage, full })}`)
  }
  const report = await store.fsck()
  if (!report.clean) throw new Error(`tree and servers do not agree after the tests: ${JSON.stringify(report)}`)
}
