import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { GliderError } from '../client/index.ts'
import type { FailedMessage, ReadyMessage } from '../server/process.ts'
import type { Watched } from './probe.ts'

/** A server in a process of its own that can be looked into; see probe.ts. */
export class ServerProcess implements AsyncDisposable {
  readonly address: string
  readonly #process: ChildProcess

  private constructor(address: string, process: ChildProcess) {
    this.address = address
    this.#process = process
  }

  static async start(role: 'metadata' | 'storage' | 'active', flags: readonly string[]): Promise<ServerProcess> {
    const main = fileURLToPath(new URL(`../${role}-server/main.js`, import.meta.url))
    const probe = new URL('./probe.js', import.meta.url).href
    const child = fork(main, ['--port', '0', '--log-level', 'error', ...flags], { execArgv: ['--expose-gc', '--import', probe] })
    const answer = await answerOf<ReadyMessage | FailedMessage>(child)
    if ('failed' in answer)
      throw new GliderError(answer.failed.code, `the ${role} server did not start: ${answer.failed.message}`)
    return new ServerProcess(answer.address, child)
  }

  /** `heapUsed + external` after a forced collection. */
  async memory(): Promise<number> {
    return (await this.#ask<{ memory: number }>('memory')).memory
  }

  /** What has been since the last time. */
  watched(): Promise<Watched> {
    return this.#ask('watch')
  }

  get pid(): number {
    return this.#process.pid!
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    await exited
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #ask<T>(what: 'memory' | 'watch'): Promise<T> {
    const answer = answerOf<T>(this.#process)
    this.#process.send(what)
    return answer
  }
}

/** The next message of a server. */
function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (): void => reject(new Error('a server has ended before its time'))
    child.once('exit', onExit)
    child.once('message', message => {
      child.off('exit', onExit)
      resolve(message as T)
    })
  })
}
