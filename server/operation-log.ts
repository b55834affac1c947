import type { Clock } from '../protocol/clock.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Origin } from '../protocol/origin.ts'
import type { Log } from './log.ts'

/** What an operation is about, as its head has it. */
interface Subject extends Origin {
  readonly path?: string | undefined
  readonly node?: number | undefined
}

/** Tells, at the level `debug`, of each operation that a client follows. */
export class OperationLog {
  readonly #clock: Clock
  readonly #log: Log

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
  }

  during<A>(name: string, subject: Subject, run: () => A | Promise<A>): A | Promise<A> {
    const over = this.begin(name, subject)
    let answer: A | Promise<A>
    try {
      answer = run()
    } catch (error) {
      over(GliderError.from(error))
      throw error
    }
    if (answer instanceof Promise) {
      answer.then(
        () => over(),
        (error: unknown) => over(GliderError.from(error)),
      )
    } else over()
    return answer
  }

  /** Answers what is to be told once it is over. */
  begin(name: string, { operation, path, node }: Subject): (error?: GliderError) => void {
    const begunMs = this.#clock.now()
    return error => {
      const ms = Math.round((this.#clock.now() - begunMs) * 1_000) / 1_000
      const about = path === undefined ? { node } : { path }
      this.#log.debug({ operation, ...about, ms, ...(error && { code: error.code }) }, name)
    }
  }
}
