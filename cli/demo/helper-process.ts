import { type ChildProcess, fork } from 'node:child_process'
import { type ErrorCode, GliderError } from '../../client/index.ts'

/** What a helper process says: that it has started, how far it is, and how its one request ended. */
export type HelperMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly bytes: number }
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }

interface Waiting {
  readonly progress: (bytes: number) => void
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

/** A process of our own that takes one request at a time. It ends by itself where this one is gone without having ended it. */
export class HelperProcess<Request extends object, Result> {
  readonly #child: ChildProcess
  readonly #ready: Promise<void>
  readonly #exited: Promise<void>
  #waiting: Waiting | undefined

  /** @param name what it is called where it fails */
  constructor(main: URL, name: string) {
    // What is sent includes bytes, which JSON would not carry.
    const child = fork(main, [], { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] })
    this.#child = child
    this.#ready = new Promise((resolve, reject) => {
      // The first thing that is waited for is that it says anything at all.
      this.#waiting = { progress: () => undefined, resolve: () => resolve(), reject }
    })
    // One that nobody waits for, because another one failed first, is no unhandled rejection.
    this.#ready.catch(() => undefined)
    this.#exited = new Promise(resolve => {
      child.on('exit', (code, signal) => {
        this.#settle()?.reject(
          new GliderError('INTERNAL', `${name} ended before it had answered: ${signal ?? `exit code ${code}`}`),
        )
        resolve()
      })
      child.on('error', error => {
        this.#settle()?.reject(error)
        // One that could not even be started has no end to wait for.
        if (child.pid === undefined) resolve()
      })
    })
    child.on('message', message => this.#hear(message as HelperMessage))
  }

  /** Resolves once it listens. */
  ready(): Promise<void> {
    return this.#ready
  }

  run(request: Request, progress: (bytes: number) => void = () => undefined): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting = { progress, resolve: result => resolve(result as Result), reject }
      this.#child.send(request, error => {
        if (error) this.#settle()?.reject(error)
      })
    })
  }

  /** Ends it at once; a request that it has not answered fails. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async stop(): Promise<void> {
    this.kill()
    await this.#exited
  }

  #hear(message: HelperMessage): void {
    switch (message.kind) {
      case 'progress':
        this.#waiting?.progress(message.bytes)
        break
      case 'ready':
        this.#settle()?.resolve(undefined)
        break
      case 'done':
        this.#settle()?.resolve(message.result)
        break
      case 'failed':
        this.#settle()?.reject(new GliderError(message.code, message.message))
        break
    }
  }

  #settle(): Waiting | undefined {
    const waiting = this.#waiting
    this.#waiting = undefined
    return waiting
  }
}
