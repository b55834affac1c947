/** The metadata server with a journal. Everything that names its state directory is here. */
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { LocalCluster, type LocalClusterOptions } from '../../cluster/index.ts'
import { atEnd } from '../at-end.ts'

/** A cluster of one metadata server that keeps its state in a folder of its own. */
export async function startJournaled(options: LocalClusterOptions): Promise<JournaledCluster> {
  const stateDir = await mkdtemp(path.join(tmpdir(), 'glider-bench-'))
  const remove = (): void => rmSync(stateDir, { recursive: true, force: true })
  const calledOff = atEnd(remove)
  const end = (): void => {
    calledOff()
    remove()
  }
  try {
    return new JournaledCluster(await LocalCluster.start({ ...options, stateDir }), end)
  } catch (error) {
    end()
    throw error
  }
}

export class JournaledCluster {
  readonly cluster: LocalCluster
  readonly #end: () => void

  /** @param end removes what it kept */
  constructor(cluster: LocalCluster, end: () => void) {
    this.cluster = cluster
    this.#end = end
  }

  async stop(): Promise<void> {
    await this.cluster.stop()
    this.#end()
  }
}
