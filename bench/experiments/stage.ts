import { StoreClient } from '../../client/index.ts'
import { LocalCluster, type LocalClusterOptions } from '../../cluster/index.ts'
import { Way } from './way.ts'
import { WorkerProcess } from './worker-process.ts'

/** Room for an action of each worker, and for those of the round before. */
export function slotsFor(workers: number): number {
  return 2 * workers
}

/** What an experiment runs on: a cluster and its workers, each server and each worker a process of its own. */
export class Stage implements AsyncDisposable {
  readonly store: StoreClient
  readonly workers: readonly WorkerProcess[]
  /** MB/s of each worker in each direction; null for no limit. */
  readonly bandwidth: number | null
  readonly #cluster: LocalCluster

  private constructor(cluster: LocalCluster, store: StoreClient, workers: readonly WorkerProcess[], bandwidth: number | null) {
    this.#cluster = cluster
    this.store = store
    this.workers = workers
    this.bandwidth = bandwidth
  }

  static async start(servers: LocalClusterOptions, workers: number, bandwidth: number | null): Promise<Stage> {
    const cluster = await LocalCluster.start(servers)
    const setup = { address: cluster.address, bandwidth }
    const starting = await Promise.allSettled(Array.from({ length: workers }, () => WorkerProcess.start(setup)))
    const started = starting.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
    try {
      for (const result of starting) if (result.status === 'rejected') throw result.reason
      return new Stage(cluster, await StoreClient.connect(cluster.address), started, bandwidth)
    } catch (error) {
      await Promise.all(started.map(worker => worker.stop()))
      await cluster.stop()
      throw error
    }
  }

  /** Begins to measure one way of doing the work. */
  begin(): Promise<Way> {
    const servers = this.#cluster.servers.map(({ pid }) => pid!)
    return Way.begin(this.store, this.workers, [...servers, ...this.workers.map(({ pid }) => pid)])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.workers.map(worker => worker.stop()))
    await this.store.close()
    await this.#cluster.stop()
  }
}
