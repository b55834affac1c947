/** A thread that says for how long it has been busy. */
export interface TimedThread {
  /** Milliseconds since it was started. */
  readonly busyMs: number
}

/** For how long threads were busy with objects: what they do for themselves counts for nobody. */
export class ActionTime<Thread extends TimedThread> {
  readonly #threads: () => readonly Thread[]
  readonly #hasObjects: (thread: Thread) => boolean
  readonly #seen = new Map<Thread, { busyMs: number; hadObjects: boolean }>()

  constructor(threads: () => readonly Thread[], hasObjects: (thread: Thread) => boolean) {
    this.#threads = threads
    this.#hasObjects = hasObjects
  }

  /** Milliseconds since the last time. */
  taken(): number {
    const threads = this.#threads()
    for (const thread of this.#seen.keys()) if (!threads.includes(thread)) this.#seen.delete(thread)
    let sum = 0
    for (const thread of threads) {
      const { busyMs } = thread
      const seen = this.#seen.get(thread) ?? { busyMs: 0, hadObjects: false }
      const hasObjects = this.#hasObjects(thread)
      // One that has come or gone meanwhile was what the thread was busy with.
      if (hasObjects || seen.hadObjects) sum += busyMs - seen.busyMs
      this.#seen.set(thread, { busyMs, hadObjects: hasObjects })
    }
    return sum
  }
}
