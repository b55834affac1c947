import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What a client can be told to do, and what it answers. */
export type Task =
  /** Streams so many bytes into a new file, or out of it: bytes of growth. */
  | { readonly name: 'write' | 'read'; readonly path: string; readonly bytes: number }
  /** Uses each node once. */
  | { readonly name: 'touch'; readonly paths: readonly string[] }
  /** Nothing: seconds of its processor that it took all the same. */
  | { readonly name: 'idle'; readonly milliseconds: number }

export interface TaskResult {
  readonly value: number
}

/** A client in a process of its own; see lone-client.ts. */
export class LoneClient implements AsyncDisposable {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  static async start(address: string): Promise<LoneClient> {
    const child = fork(fileURLToPath(new URL('./lone-client.js', import.meta.url)), [address])
    await resultOf(child)
    return new LoneClient(child)
  }

  async perform(task: Task): Promise<number> {
    const result = resultOf(this.#child)
    this.#child.send(task)
    return (await result).value
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill()
    await exited
  }
}

function resultOf(child: ChildProcess): Promise<TaskResult> {
  return new Promise((resolve, reject) => {
    const onExit = (): void => reject(new Error('a client has ended before its time'))
    child.once('exit', onExit)
    child.once('message', message => {
      child.off('exit', onExit)
      resolve(message as TaskResult)
    })
  })
}
