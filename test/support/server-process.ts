import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'

const dist = path.join(import.meta.dirname, '..', '..')

interface LogLine {
  readonly msg: string
  readonly address?: string
  readonly [detail: string]: unknown
}

/** A server that is started as its operator does it, in a process of its own. It is followed by its log. */
export class ServerProcess implements AsyncDisposable {
  readonly process: ChildProcess
  /** Exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>
  readonly #lines: LogLine[] = []
  readonly #waiting = new Set<() => void>()
  #address = ''

  private constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.process = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } })
    const heard = createInterface({ input: this.process.stderr! })
    heard.on('line', line => {
      this.#lines.push(line.startsWith('{') ? (JSON.parse(line) as LogLine) : { msg: line })
      for (const look of this.#waiting) look()
    })
    this.exited = Promise.all([once(this.process, 'exit'), once(heard, 'close')]).then(([[code, signal]]) => {
      for (const look of this.#waiting) look()
      return (code ?? signal) as number | string
    })
  }

  /** Resolves once the server is ready. */
  static async start(
    role: 'metadata' | 'storage' | 'active',
    flags: readonly string[] = [],
    env: NodeJS.ProcessEnv = {},
  ): Promise<ServerProcess> {
    return ServerProcess.run([process.execPath, path.join(dist, `${role}-server`, 'main.js'), ...flags], env)
  }

  /** The same by a whole command. */
  static async run([command, ...args]: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<ServerProcess> {
    const server = new ServerProcess(command!, args, env)
    server.#address = (await server.logged('ready')).address!
    return server
  }

  /** host:port */
  get address(): string {
    return this.#address
  }

  /** What it has said so far. */
  get log(): string {
    return this.#lines.map(line => JSON.stringify(line)).join('\n')
  }

  /** The first line of its log that says so, once it is there. */
  async logged(message: string): Promise<LogLine> {
    for (;;) {
      const line = this.#lines.find(({ msg }) => msg === message)
      if (line) return line
      if (this.process.exitCode !== null) throw new Error(`the server has ended without «${message}»: ${this.log}`)
      await new Promise<void>(resolve => {
        const look = (): void => {
          this.#waiting.delete(look)
          resolve()
        }
        this.#waiting.add(look)
      })
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill('SIGKILL')
    await this.exited
  }
}
