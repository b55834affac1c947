import type { StoreClient } from '../../client/index.ts'
import { processCpuSeconds } from '../process-cpu.ts'
import type { WayFigures } from './figures.ts'
import { StoredPeak } from './stored-peak.ts'
import type { ResultOf, Task } from './tasks.ts'
import type { WorkerProcess } from './worker-process.ts'

/** One run of one way of doing the work, while it is measured. */
export class Way {
  readonly #workers: readonly WorkerProcess[]
  readonly #pids: readonly number[]
  readonly #cpuBefore: number | undefined
  readonly #peak: StoredPeak
  readonly #phases: Record<string, number> = {}
  #sent = 0
  #received = 0

  private constructor(
    workers: readonly WorkerProcess[],
    pids: readonly number[],
    cpuBefore: number | undefined,
    peak: StoredPeak,
  ) {
    this.#workers = workers
    this.#pids = pids
    this.#cpuBefore = cpuBefore
    this.#peak = peak
  }

  static async begin(store: StoreClient, workers: readonly WorkerProcess[], pids: readonly number[]): Promise<Way> {
    const peak = await StoredPeak.begin(store)
    return new Way(workers, pids, processCpuSeconds(pids), peak)
  }

  /** One task for each worker, the first for the first, all at the same time. */
  async tasks<T extends Task>(tasks: readonly T[]): Promise<ResultOf<T['kind']>[]> {
    const answers = await Promise.all(tasks.map((task, at) => this.#workers[at]!.run(task)))
    for (const { sent, received } of answers) {
      this.#sent += sent
      this.#received += received
    }
    return answers.map(({ result }) => result)
  }

  /** Times a part of the work. What lies between phases does not count. */
  async phase<R>(name: string, work: () => Promise<R>): Promise<R> {
    const start = performance.now()
    const result = await work()
    this.#phases[name] = (this.#phases[name] ?? 0) + (performance.now() - start) / 1_000
    return result
  }

  /** Looks at what is stored now. `held` is what actions hold beside it. */
  stored(held = 0): Promise<void> {
    return this.#peak.look(held)
  }

  async end(): Promise<WayFigures> {
    await this.#peak.end()
    const cpuAfter = processCpuSeconds(this.#pids)
    return {
      seconds: Object.values(this.#phases).reduce((sum, seconds) => sum + seconds, 0),
      phases: this.#phases,
      bytesMoved: this.#sent + this.#received,
      ingestedBytes: this.#received,
      storedPeakBytes: this.#peak.bytes,
      cpuSeconds: cpuAfter === undefined || this.#cpuBefore === undefined ? null : cpuAfter - this.#cpuBefore,
    }
  }
}
