import { type ChildProcess, fork } from 'node:child_process'
import path from 'node:path'
import { systemClock } from '../../protocol/clock.system.ts'
import type { Probed } from './probe.system.ts'
import { within } from './waiting.ts'

const dist = path.join(import.meta.dirname, '..', '..')

/** So much of what it has said last is told where it breaks down. */
const MOST_SAID = 4_000

/** A server that is to stop gives what is under way some seconds. */
const END_MS = 20_000
/** A process that hangs does not answer. */
const PROBE_MS = 20_000

const living = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})

/** A process of the cluster, with the probe in it. It ends with this one. */
export class Child {
  readonly #process: ChildProcess
  /** Resolves once it has ended, however that came, with how. */
  readonly exited: Promise<string>
  #over = false
  #said = ''
  #probes = 0
  readonly #probing = new Map<number, (probed: Probed) => void>()

  /**
   * @param program below dist/
   * @param told every message but the probe's answers
   */
  constructor(program: string, flags: readonly string[], env: NodeJS.ProcessEnv, told: (message: object) => void) {
    const child = fork(path.join(dist, program), flags, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: ['--expose-gc', '--import', path.join(dist, 'test', 'faults', 'probe.system.js')],
      env: { ...process.env, ...env },
    })
    this.#process = child
    living.add(child)
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-MOST_SAID)
    })
    child.on('message', (message: object) => {
      if ('probed' in message) this.#probing.get((message as Probed).probed)?.(message as Probed)
      else told(message)
    })
    this.exited = new Promise(resolve => {
      // Once its last words have arrived as well.
      child.on('close', (code, signal) => {
        this.#over = true
        living.delete(child)
        resolve(`${signal ?? `exit ${code}`}${this.#said ? `, and said: ${this.#said.trimEnd()}` : ''}`)
      })
    })
  }

  get over(): boolean {
    return this.#over
  }

  get said(): string {
    return this.#said
  }

  tell(message: object): void {
    if (this.#process.connected) this.#process.send(message, () => undefined)
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** Resolves once it has ended. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.signal(signal)
    await within(`the end after ${signal}`, systemClock, END_MS, this.exited)
  }

  /** What it holds without its garbage. */
  async probe(): Promise<Probed> {
    const probe = this.#probes++
    const answer = new Promise<Probed>(resolve => this.#probing.set(probe, resolve))
    this.tell({ probe })
    const gone = this.exited.then(how => {
      throw new Error(`it has gone: ${how}`)
    })
    try {
      return await within('an answer to the probe', systemClock, PROBE_MS, Promise.race([answer, gone]))
    } finally {
      this.#probing.delete(probe)
    }
  }
}
