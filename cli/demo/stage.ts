import type { CallOptions, StoreClient } from '../../client/index.ts'
import type { Worker } from './helpers.ts'
import type { Meter } from './meter.ts'
import type { PhaseDisplay, Progress } from './phase-display.ts'
import type { Task, TaskResult } from './tasks.ts'

/** Below it lies what the way that runs has stored, and nothing else. */
const HOME = '/demo/way'

/** The cluster, its workers and the text: what both ways of both jobs run on. */
export interface Stage {
  readonly address: string
  readonly store: StoreClient
  readonly call: CallOptions
  /** At least as many as there are inputs, and as there are reducers. */
  readonly workers: readonly Worker[]
  /** The files of the text, one for each map worker. */
  readonly inputs: readonly string[]
  readonly inputBytes: number
  readonly reducers: number
  readonly display: PhaseDisplay
}

/** One way of one job while it runs. */
export class Way {
  readonly stage: Stage
  readonly meter: Meter
  readonly #label: string
  readonly #storedBefore: number

  private constructor(stage: Stage, label: string, meter: Meter, storedBefore: number) {
    this.stage = stage
    this.meter = meter
    this.#label = label
    this.#storedBefore = storedBefore
  }

  static async begin(stage: Stage, label: string, meter: Meter): Promise<Way> {
    const { storedBytes } = await stage.store.usage(stage.call)
    return new Way(stage, label, meter, storedBytes)
  }

  /** Paths for what this way stores, one for each reducer. */
  perReducer(name: string): string[] {
    return Array.from({ length: this.stage.reducers }, (_, reducer) => `${HOME}/${name}-${reducer}`)
  }

  /** Measures and shows one phase. */
  async phase<T>(name: string, totalBytes: number, work: (progress: Progress) => Promise<T>): Promise<T> {
    const { result, seconds } = await this.stage.display.phase(`${this.#label}: ${name}`, totalBytes, work)
    this.meter.took(name, seconds)
    return result
  }

  /** One phase in which each worker has one task, all at the same time. */
  tasks(name: string, tasks: readonly Task[], totalBytes = this.stage.inputBytes): Promise<TaskResult[]> {
    const { address, workers } = this.stage
    return this.phase(name, totalBytes, async progress => {
      const results = await Promise.all(tasks.map((task, at) => workers[at]!.run({ address, task }, progress)))
      for (const { counters } of results) this.meter.moved(counters)
      return results
    })
  }

  /** Makes one interleaved action for each reducer. */
  createActions(paths: readonly string[], definition: string): Promise<unknown> {
    const { store, call } = this.stage
    return this.phase('create', 0, () =>
      Promise.all(
        paths.map(async path => {
          const node = await store.create(path, 'action', { parents: true, ...call })
          await node.create(definition, { interleaved: true, ...call })
        }),
      ),
    )
  }

  /** Bytes that the metadata server counts now and did not when the way began. */
  async storedSinceBegin(): Promise<number> {
    const { storedBytes } = await this.stage.store.usage(this.stage.call)
    return storedBytes - this.#storedBefore
  }

  async end(): Promise<void> {
    await this.stage.store.delete(HOME, { recursive: true, ...this.stage.call })
  }
}
