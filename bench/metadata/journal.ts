/** The metadata server with a journal. Everything that names its state directory is here. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { LocalCluster, type LocalClusterOptions } from '../../cluster/index.ts'

/** Whether LocalCluster knows `stateDir`; the row is left out as long as it does not. */
const HAS_JOURNAL: boolean = false

/** A cluster of one metadata server that keeps its state in a folder of its own; undefined where there is no such thing. */
export async function startJournaled(options: LocalClusterOptions): Promise<JournaledCluster | undefined> {
  if (!HAS_JOURNAL) return undefined
  const stateDir = await mkdtemp(path.join(tmpdir(), 'glider-bench-'))
  try {
    const withState = { ...options, stateDir }
    return new JournaledCluster(await LocalCluster.start(withState), stateDir)
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
