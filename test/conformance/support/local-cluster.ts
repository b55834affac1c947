/** What the conformance suite is run against: the deployment at GLIDER_URL, or without one a cluster of its own. */
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
    slots: 8,
    threads: 1,
  })
  project.provide('gliderUrl', cluster.address)
  return () => cluster.stop()
}
