import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { GliderError } from '../client/index.ts'
import { killAfter } from './kill.system.ts'

export type ServerRole = 'metadata' | 'storage' | 'active'

/** How long a server may take for an orderly stop. */
const STOP_SECONDS = 5
/** So much of what a server has said last is told where it does not start. */
const MAX_COMPLAINT = 2_000

/** A server as a process of its own, which ends with this one. */
export class ChildServer {
  readonly role: ServerRole
  readonly address: string
  readonly #process: ChildProcess
  readonly #exited: Promise<void>

  private constructor(role: ServerRole, address: string, process: ChildProcess, exited: Promise<void>) {
    this.role = role
    this.address = address
    this.#process = process
    this.#exited = exited
  }

  get pid(): number {
    return this.#process.pid!
  }

  /** Resolves once the server says that it is ready. */
  static start(role: ServerRole, flags: readonly string[]): Promise<ChildServer> {
    return new Promise((resolve, reject) => {
      const main = fileURLToPath(new URL(`../${role}-server/main.js`, import.meta.url))
      const child = fork(main, flags, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [] })
      const endWithUs = (): void => {
        child.kill('SIGKILL')
      }
      process.on('exit', endWithUs)
      let complaint = ''
      child.stderr!.setEncoding('utf8')
      child.stderr!.on('data', (text: string) => {
        complaint = (complaint + text).slice(-MAX_COMPLAINT)
        process.stderr.write(text)
      })
      const exited = new Promise<void>(done => {
        child.on('exit', () => {
          process.off('exit', endWithUs)
          done()
          reject(new GliderError('UNAVAILABLE', `the ${role} server did not start: ${complaint.trim() || 'it said nothing'}`))
        })
      })
      child.on('error', reject)
      child.once('message', message => resolve(new ChildServer(role, (message as { address: string }).address, child, exited)))
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
