import type { Clock } from '../protocol/clock.ts'
import type { Log } from '../server/log.ts'
import { ActionThread, type FromObject } from './action-thread.ts'
import { MemoryWatch, type ProcessMemory } from './memory-watch.ts'
import type { TurnCounts } from './turn-counts.ts'

export interface ThreadsOptions {
  readonly count: number
  readonly metadata: string
  /** By which the actions come to their namespace. */
  readonly token: string
  readonly tlsCa: string | undefined
  readonly clock: Clock
  readonly memory: ProcessMemory
  /** What the objects of one thread may hold together. */
  readonly threadMemoryBytes: number
  /** How long a turn on a thread may last now. */
  readonly turnTimeoutMs: (thread: ActionThread) => number
  readonly log: Log
  readonly turns: TurnCounts
  readonly said: (thread: number, told: FromObject) => void
  readonly unknown: () => void
  /** A thread has ended with all its objects; another takes its place. */
  readonly lost: (thread: ActionThread, cause: string) => void
  /** A thread does not end: only the end of the process ends it. */
  readonly stuck: (cause: string) => void
}

/** V8's own limit is so many times ours. */
const BACKSTOP = 4

/** The action threads of one server; one that ends is replaced. */
export class Threads {
  readonly #options: ThreadsOptions
  readonly #threads = new Map<number, ActionThread>()
  readonly #starting = new Set<Promise<void>>()
  readonly #watch: MemoryWatch
  #stopping = false

  private constructor(options: ThreadsOptions) {
    this.#options = options
    this.#watch = new MemoryWatch(options.clock, options.memory, options.threadMemoryBytes)
  }

  static async start(options: ThreadsOptions): Promise<Threads> {
    const threads = new Threads(options)
    await Promise.all(Array.from({ length: options.count }, (_, number) => threads.#startTracked(number)))
    return threads
  }

  get all(): readonly ActionThread[] {
    return [...this.#threads.values()]
  }

  /** All of them; waits for the replacements of those that have just ended, so that not all objects land on what is left. */
  async available(): Promise<readonly ActionThread[]> {
    while (this.#starting.size > 0) await Promise.allSettled(this.#starting)
    return this.all
  }

  #startTracked(number: number): Promise<void> {
    const starting = this.#start(number).finally(() => this.#starting.delete(starting))
    this.#starting.add(starting)
    return starting
  }

  async #start(number: number): Promise<void> {
    const { metadata, token, tlsCa, clock, log, turns, said, unknown, stuck, threadMemoryBytes, turnTimeoutMs } = this.#options
    const thread = await ActionThread.start({
      ...{ number, metadata, token, tlsCa, clock, log, turns, said, unknown, stuck },
      heapLimitBytes: BACKSTOP * threadMemoryBytes,
      turnTimeoutMs,
      measured: (one, bytes, collected) => this.#watch.measured(one, bytes, collected),
      lost: cause => this.#lost(number, cause),
      gone: one => this.#watch.gone(one),
    })
    this.#threads.set(number, thread)
    this.#watch.add(thread)
    if (this.#stopping) await thread.stop()
  }

  #lost(number: number, cause: string): void {
    const { log, lost } = this.#options
    log.error({ thread: number, cause }, 'an action thread has ended, another takes its place')
    const thread = this.#threads.get(number)
    this.#threads.delete(number)
    // One that ended before it was ready has nothing to lose, and whoever started it hears of it.
    if (!thread) return
    this.#watch.ended(thread)
    lost(thread, cause)
    if (!this.#stopping) this.#startTracked(number).catch((error: Error) => log.error({ thread: number }, error.message))
  }

  /** Answers whether all threads have gone, and none is stuck. */
  async stop(): Promise<boolean> {
    this.#stopping = true
    this.#watch.stop()
    const gone = await Promise.all(this.all.map(thread => thread.stop()))
    return !gone.includes(false)
  }
}
