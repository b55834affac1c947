import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type ErrorCode, GliderError } from '../client/index.ts'
import { killAfter } from './timers.system.ts'

export type ServerRole = 'metadata' | 'storage' | 'active'

/** How long a server may take for an orderly stop. */
const STOP_SECONDS = 5
/** What a process that breaks down by itself ends with: V8 gives up with a trap where one array grows beyond all bounds. */
const BREAKDOWNS: ReadonlySet<string> = new Set(['SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGSEGV', 'SIGTRAP'])
/** So much of what a server has said last is kept until it is ready. */
const MAX_SAID = 8_000

/** A server as a process of its own, which ends with this one. */
export class ChildServer {
  readonly role: ServerRole
  readonly address: string
  readonly #process: ChildProcess
  readonly #exited: Promise<void>
  #leaves = false

  private constructor(role: ServerRole, address: string, process: ChildProcess, exited: Promise<void>) {
    this.role = role
    this.address = address
    this.#process = process
    this.#exited = exited
    process.on('message', message => {
      if ('returning' in (message as object)) this.#leaves = true
    })
  }

  /** Resolves once its process has ended, however that came. */
  get left(): Promise<void> {
    return this.#exited
  }

  /** Whether it has left to return, or broke down by itself: not when somebody has ended it. */
  get returns(): boolean {
    const { signalCode } = this.#process
    return this.#leaves || (signalCode !== null && BREAKDOWNS.has(signalCode))
  }

  get pid(): number {
    return this.#process.pid!
  }

  /**
   * Resolves once the server says that it is ready.
   * @param env where the environment of this process says nothing else
   * @param secrets in the environment of the server, which nobody else is shown, unlike flags
   */
  static start(
    role: ServerRole,
    flags: readonly string[],
    env: NodeJS.ProcessEnv = {},
    secrets: NodeJS.ProcessEnv = {},
  ): Promise<ChildServer> {
    return new Promise((resolve, reject) => {
      const main = fileURLToPath(new URL(`../${role}-server/main.js`, import.meta.url))
      const child = fork(main, flags, {
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        execArgv: [],
        env: { ...env, ...process.env, ...secrets },
      })
      const endWithUs = (): void => {
        child.kill('SIGKILL')
      }
      process.on('exit', endWithUs)
      // Until the server is ready its words are kept: where it breaks down before that, its last ones become the error.
      let said = ''
      const listen = (text: string): void => {
        said = (said + text).slice(-MAX_SAID)
      }
      child.stderr!.setEncoding('utf8').on('data', listen)
      const exited = new Promise<void>(done => {
        child.on('exit', () => {
          process.off('exit', endWithUs)
          done()
          reject(startError(role, said))
        })
      })
      child.on('error', reject)
      child.once('message', message => {
        if ('failed' in (message as object)) {
          const { code, message: why } = (message as { failed: { code: ErrorCode; message: string } }).failed
          reject(new GliderError(code, `the ${role} server did not start: ${why}`))
          return
        }
        child.stderr!.off('data', listen).pipe(process.stderr, { end: false })
        resolve(new ChildServer(role, (message as { address: string }).address, child, exited))
      })
    })
  }

  /** Ends it as a crash would: it does nothing more. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#exited
    if (this.#process.connected) this.#process.disconnect()
  }

  /** Asks it to stop; after {@link STOP_SECONDS} it is killed. */
  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill('SIGTERM')
      const killed = killAfter(this.#process, STOP_SECONDS)
      await this.#exited
      killed.cancel()
    }
    if (this.#process.connected) this.#process.disconnect()
  }
}

/** Of one that has ended without a word to us: its last ones are Node's own, or of the command line. */
function startError(role: ServerRole, said: string): GliderError {
  const last = said.trimEnd().split('\n').at(-1)
  return new GliderError('UNAVAILABLE', `the ${role} server did not start: ${last || 'it said nothing'}`)
}
