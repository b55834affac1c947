/** The metadata server with a journal. Everything that names its state directory is here. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { LocalCluster, type LocalClusterOptions } from '../../cluster/index.ts'

/** A cluster of one metadata server that keeps its state in a folder of its own. */
export async function startJournaled(options: LocalClusterOptions): Promise<JournaledCluster> {
  const stateDir = await mkdtemp(path.join(tmpdir(), 'glider-bench-'))
  try {
    return new JournaledCluster(await LocalCluster.start({ ...options, stateDir }), stateDir)
  } catch (error) {
    await rm(stateDir, { recursive: true })
    throw error
  }
}

export class JournaledCluster {
  readonly cluster: LocalCluster
  readonly #stateDir: string

  constructor(cluster: LocalCluster, stateDir: string) {
    this.cluster = cluster
    this.#stateDir = stateDir
  }

  async stop(): Promise<void> {
    await this.cluster.stop()
    await rm(this.#stateDir, { recursive: true })
  }
}
