import type { GliderError } from '../protocol/errors.ts'
import type { LogLevel } from './messages.ts'

/** What is kept of each object, at most. */
const KEPT_LINES = 500
const KEPT_BYTES = 256 << 10

/** One line of an object's log, as it goes to those who read it. */
export interface LogLine {
  readonly level: LogLevel
  readonly message: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly details?: object
  /** Of the turn that has said it, where that is followed. */
  readonly operation?: string
}

/**
 * What one object has logged of late, and who follows it. Always holds: a follower gets every line once and in order, unless it
 * is so slow that lines are gone meanwhile, which a line tells it.
 */
export class ObjectLog {
  readonly #lines: { readonly text: string; readonly at: number }[] = []
  #bytes = 0
  /** Number of the first line that is kept. */
  #first = 0
  #ended = false
  #error: GliderError | undefined
  readonly #waiting = new Set<() => void>()

  add(line: LogLine): void {
    const text = `${JSON.stringify(line)}\n`
    this.#lines.push({ text, at: line.at })
    this.#bytes += text.length
    while (this.#lines.length > KEPT_LINES || this.#bytes > KEPT_BYTES) {
      this.#bytes -= this.#lines.shift()!.text.length
      this.#first += 1
    }
    this.#wake()
  }

  /** The object is gone: followers come to their end, or to the error that it went by. */
  end(error?: GliderError): void {
    this.#ended = true
    this.#error = error
    this.#wake()
  }

  /** What is kept, as lines of JSON; with `follow` also what comes, until the object or the follower goes. */
  async *read(follow: boolean, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
    let next = this.#first
    while (!signal.aborted) {
      if (next < this.#first) {
        const { at } = this.#lines[0]!
        const missed: LogLine = { level: 'warn', at, message: `${this.#first - next} lines were logged too fast to be followed` }
        yield `${JSON.stringify(missed)}\n`
        next = this.#first
      }
      const lines = this.#lines.slice(next - this.#first)
      next += lines.length
      if (lines.length > 0) yield lines.map(({ text }) => text).join('')
      else if (this.#error && follow) throw this.#error
      else if (!follow || this.#ended) return
      else await this.#change(signal)
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const wake = (): void => {
        this.#waiting.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.#waiting.add(wake)
      signal.addEventListener('abort', wake)
    })
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake()
  }
}
