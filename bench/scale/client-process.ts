import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ClientAnswer, ClientSetup, ClientTask } from './tasks.ts'

/** One of the clients, from the parent's side. It does one task at a time. */
export class ClientProcess {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** Resolves once it has made its nodes and touched their memory. */
  static async start(setup: ClientSetup): Promise<ClientProcess> {
    const client = new ClientProcess(fork(fileURLToPath(new URL('./client.js', import.meta.url)), [JSON.stringify(setup)]))
    await client.#answer()
    return client
  }

  async run(task: ClientTask): Promise<void> {
    const answer = this.#answer()
    this.#child.send(task)
    await answer
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    if (this.#child.connected) this.#child.disconnect()
    await exited
  }

  #answer(): Promise<void> {
    return new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error('a client has ended before its time'))
      this.#child.once('exit', onExit)
      this.#child.once('message', message => {
        this.#child.off('exit', onExit)
        const { error } = message as ClientAnswer
        if (error === undefined) resolve()
        else reject(new Error(`a client has failed: ${error}`))
      })
    })
  }
}
