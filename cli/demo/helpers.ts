import type { Answers } from './answers.ts'
import { HelperProcess } from './helper-process.ts'
import type { CheckRequest, TaskRequest, TaskResult } from './tasks.ts'

export type Worker = HelperProcess<TaskRequest, TaskResult>

/** The helper processes of one demo. They end with this, or at once when the signal fires: what they were doing then fails. */
export class Helpers implements AsyncDisposable {
  readonly #signal: AbortSignal
  #running: readonly { kill(): void; stop(): Promise<void> }[] = []
  readonly #killAll = (): void => {
    for (const helper of this.#running) helper.kill()
  }

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', this.#killAll)
    process.on('exit', this.#killAll)
  }

  /** Starts workers for `use` and ends them behind it; it gets them once all of them listen. */
  async withWorkers<T>(count: number, use: (workers: readonly Worker[]) => Promise<T>): Promise<T> {
    this.#signal.throwIfAborted()
    const workers = Array.from(
      { length: count },
      (_, number) => new HelperProcess<TaskRequest, TaskResult>(script('worker'), `worker process ${number}`),
    )
    this.#running = workers
    try {
      await Promise.all(workers.map(worker => worker.ready()))
      return await use(workers)
    } finally {
      await this.#stop()
    }
  }

  /** Works out what the jobs should have answered. */
  async check(request: CheckRequest): Promise<Answers> {
    this.#signal.throwIfAborted()
    const checker = new HelperProcess<CheckRequest, Answers>(script('checker'), 'the process that checks')
    this.#running = [checker]
    await checker.ready()
    return checker.run(request)
  }

  async #stop(): Promise<void> {
    await Promise.all(this.#running.map(helper => helper.stop()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal.removeEventListener('abort', this.#killAll)
    process.off('exit', this.#killAll)
    await this.#stop()
  }
}

function script(name: string): URL {
  return new URL(`./${name}.js`, import.meta.url)
}
