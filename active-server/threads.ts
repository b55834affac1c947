import type { Clock } from '../protocol/clock.ts'
import type { Log } from '../server/log.ts'
import { ActionThread } from './action-thread.ts'

export interface ThreadsOptions {
  readonly count: number
  readonly metadata: string
  readonly clock: Clock
  readonly turnTimeoutMs: number
  readonly log: Log
  /** A throw that nobody caught has been told of. */
  readonly uncaught: () => void
  /** A thread has ended with all its objects; another takes its place. */
  readonly lost: (thread: ActionThread, cause: string) => void
}

/** The action threads of one server; one that ends is replaced. */
export class Threads {
  readonly #options: ThreadsOptions
  readonly #threads = new Map<number, ActionThread>()
  readonly #starting = new Set<Promise<void>>()
  #stopping = false

  private constructor(options: ThreadsOptions) {
    this.#options = options
  }

  static async start(options: ThreadsOptions): Promise<Threads> {
    const threads = new Threads(options)
    await Promise.all(Array.from({ length: options.count }, (_, number) => threads.#startTracked(number)))
    return threads
  }

  get all(): readonly ActionThread[] {
    return [...this.#threads.values()]
  }

  /** At least one; waits for its replacement where every thread has just ended. */
  async available(): Promise<readonly ActionThread[]> {
    while (this.all.length === 0 && this.#starting.size > 0) await Promise.race(this.#starting).catch(() => undefined)
    return this.all
  }

  #startTracked(number: number): Promise<void> {
    const starting = this.#start(number).finally(() => this.#starting.delete(starting))
    this.#starting.add(starting)
    return starting
  }

  async #start(number: number): Promise<void> {
    const { metadata, clock, turnTimeoutMs, log, uncaught } = this.#options
    const lost = (cause: string): void => this.#lost(number, cause)
    const thread = await ActionThread.start({ number, metadata, clock, turnTimeoutMs, log, uncaught, lost })
    this.#threads.set(number, thread)
    if (this.#stopping) await thread.stop()
  }

  #lost(number: number, cause: string): void {
    const { log, lost } = this.#options
    log.error({ thread: number, cause }, 'an action thread has ended, another takes its place')
    const thread = this.#threads.get(number)
    this.#threads.delete(number)
    // One that ended before it was ready has nothing to lose, and whoever started it hears of it.
    if (!thread) return
    lost(thread, cause)
    if (!this.#stopping) this.#startTracked(number).catch((error: Error) => log.error({ thread: number }, error.message))
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.all.map(thread => thread.stop()))
  }
}
