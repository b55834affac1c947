import { Console } from 'node:console'
import { Writable } from 'node:stream'
import type { LogLevel } from '../messages.ts'

type Take = (line: string | Uint8Array) => void
type Done = (error?: Error | null) => void

/** What user code prints goes to `log`, one write a line, instead of into the process's own streams. */
export function redirectConsole(log: (level: LogLevel, line: string | Uint8Array) => void): void {
  const stdout = new LineWriter(line => log('info', line))
  const stderr = new LineWriter(line => log('warn', line))
  globalThis.console = new Console({ stdout, stderr, colorMode: false })
  Object.defineProperty(process, 'stdout', { value: stdout, configurable: true })
  Object.defineProperty(process, 'stderr', { value: stderr, configurable: true })
}

/**
 * Has no state of its own to be left in the middle: code that prints at the end of its stack may throw in here, and what is printed
 * afterwards is to be heard all the same.
 */
class LineWriter extends Writable {
  readonly #take: Take

  constructor(take: Take) {
    super({ decodeStrings: false })
    this.#take = take
  }

  override write(line: unknown, encodingOrDone?: BufferEncoding | Done, done?: Done): boolean {
    this.#take(typeof line === 'string' || line instanceof Uint8Array ? line : String(line))
    const told = typeof encodingOrDone === 'function' ? encodingOrDone : done
    if (told) process.nextTick(told)
    return true
  }

  /** For what comes with `end`. */
  override _write(line: string | Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#take(line)
    done()
  }
}
