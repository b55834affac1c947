import { inspect } from 'node:util'
import type { Log } from '../../actions/action.ts'
import { currentOrigin } from '../../actions/current-turn.ts'
import { describeThrown } from '../../actions/failure.ts'
import type { Clock } from '../../protocol/clock.ts'
import type { FromObject, FromThread, LogLevel } from '../messages.ts'
import { type Dropped, LogLimit } from './log-limit.ts'

/** Of a longer line the rest is left out. */
const MAX_LINE_BYTES = 8 << 10

/** Whose log it is: an object's, or with no path what belongs to nobody that is known. */
export interface LogOwner {
  readonly id: string
  readonly path: string
}

/** What one object logs, prints and lets go uncaught, within its {@link LogLimit}: beyond it nothing leaves the thread. */
export class ObjectLog {
  readonly #owner: LogOwner
  readonly #post: (message: FromThread) => void
  readonly #clock: Clock
  readonly #limit: LogLimit

  constructor({ id, path }: LogOwner, clock: Clock, post: (message: FromThread) => void) {
    this.#owner = { id, path }
    this.#post = post
    this.#clock = clock
    this.#limit = new LogLimit(clock, dropped => this.#tell(dropped))
  }

  /** `this.log` of the action. */
  readonly face: Log = {
    debug: (message, details) => this.write('debug', String(message), details),
    info: (message, details) => this.write('info', String(message), details),
    warn: (message, details) => this.write('warn', String(message), details),
    error: (message, details) => this.write('error', String(message), details),
  }

  write(level: LogLevel, line: string | Uint8Array, details?: object): void {
    const text = this.#admit(line)
    if (text === undefined) return
    const also = details && this.#details(details)
    this.#post({ type: 'log', level, ...this.#from(), message: text, ...(also && { details: also }) })
  }

  /** A throw in a timer or a rejection that nobody awaits. */
  uncaught(thrown: unknown): void {
    const text = this.#admit(describeThrown(thrown), true)
    if (text === undefined) return
    this.#post({ type: 'uncaught', ...this.#from(), error: text })
  }

  #from(): FromObject {
    const { operation } = currentOrigin()
    return { ...this.#owner, at: this.#clock.wallTime(), ...(operation !== undefined && { operation }) }
  }

  #admit(line: string | Uint8Array, isError = false): string | undefined {
    const bytes = typeof line === 'string' ? Buffer.byteLength(line) : line.length
    if (bytes <= MAX_LINE_BYTES) return this.#limit.allows(bytes, isError) ? trimmed(line.toString()) : undefined
    if (!this.#limit.allows(MAX_LINE_BYTES, isError)) {
      this.#limit.cut(bytes - MAX_LINE_BYTES)
      return undefined
    }
    this.#limit.cut(bytes - MAX_LINE_BYTES)
    // A string has at least as many bytes as characters: this is enough of it, and quick.
    const start = Buffer.from(line.slice(0, MAX_LINE_BYTES) as string).subarray(0, MAX_LINE_BYTES)
    return `${start.toString()}…`
  }

  /** A copy that can go to another thread, whatever an action logs: what JSON cannot carry goes as text. */
  #details(details: object): object | undefined {
    const text = textOf(details)
    const admitted = this.#admit(text)
    if (admitted === undefined) return undefined
    return admitted === text ? (JSON.parse(text) as object) : { details: admitted }
  }

  #tell(dropped: Dropped): void {
    this.#post({ type: 'dropped', ...this.#owner, at: this.#clock.wallTime(), ...dropped })
  }
}

function textOf(details: object): string {
  try {
    const text = JSON.stringify(details) as string | undefined
    // A function has none, nor has what says so itself.
    if (text !== undefined) return text
  } catch {
    // It goes as it would be printed.
  }
  return JSON.stringify({ details: printed(details) })
}

function printed(value: unknown): string {
  try {
    return inspect(value, { depth: 4 })
  } catch (error) {
    return describeThrown(error)
  }
}

function trimmed(line: string): string {
  return line.endsWith('\n') ? line.slice(0, -1) : line
}
