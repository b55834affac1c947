import { StoreClient } from '../../client/index.ts'
import { LocalCluster, type LocalClusterOptions } from '../../cluster/index.ts'
import { Way } from './way.ts'
import { WorkerProcess } from './worker-process.ts'

/** What an experiment runs on: a cluster and its workers, each server and each worker a process of its own. */
export class Stage implements AsyncDisposable {
  readonly store: StoreClient
  readonly workers: readonly WorkerProcess[]
  readonly #cluster: LocalCluster

  private constructor(cluster: LocalCluster, store: StoreClient, workers: readonly WorkerProcess[]) {
    this.#cluster = cluster
    this.store = store
    this.workers = workers
  }

  static async start(servers: LocalClusterOptions, workers: number, bandwidth: number | null): Promise<Stage> {
    const cluster = await LocalCluster.start(servers)
    const started: WorkerProcess[] = []
    try {
      const setup = { address: cluster.address, bandwidth }
      for (let worker = 0; worker < workers; worker++) started.push(await WorkerProcess.start(setup))
      return new Stage(cluster, await StoreClient.connect(cluster.address), started)
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
