import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ResultOf, Task, TaskAnswer, WorkerSetup } from './tasks.ts'

/** A worker in a process of its own: it has one client of the store, and does one task at a time. */
export class WorkerProcess implements AsyncDisposable {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** Resolves once it has reached the store. */
  static async start(setup: WorkerSetup): Promise<WorkerProcess> {
    const main = fileURLToPath(new URL('./worker.js', import.meta.url))
    const worker = new WorkerProcess(fork(main, [JSON.stringify(setup)], { serialization: 'advanced' }))
    await worker.#answer()
    return worker
  }

  /** What the task gives, and what it has moved. */
  async run<T extends Task>(task: T): Promise<TaskAnswer<ResultOf<T['kind']>>> {
    const answer = this.#answer()
    this.#child.send(task)
    return (await answer) as TaskAnswer<ResultOf<T['kind']>>
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    if (this.#child.connected) this.#child.disconnect()
    await exited
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #answer(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error('a worker has ended before its time'))
      this.#child.once('exit', onExit)
      this.#child.once('message', message => {
        this.#child.off('exit', onExit)
        const { answer, error } = message as { answer?: unknown; error?: string }
        if (error === undefined) resolve(answer)
        else reject(new Error(`a worker has failed: ${error}`))
      })
    })
  }
}
