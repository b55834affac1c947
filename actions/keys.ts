import type { TurnScope } from './scope.ts'

/**
 * How many completed keys an object remembers: far more than a job has workers, and with keys of up to 255 bytes some 30 MiB. Beyond
 * it the ones that completed first are forgotten, for a retry comes soon after its failure or never.
 */
export const REMEMBERED_KEYS = 100_000

/**
 * The keys of write streams, so that a repeated one counts once. Always holds: of the streams with one key at most one runs,
 * and none after one has completed, as long as that is among the last REMEMBERED_KEYS.
 */
export class StreamKeys {
  readonly #completed = new Set<string>()
  readonly #running = new Map<string, Promise<void>>()

  hasCompleted(key: string): boolean {
    return this.#completed.has(key)
  }

  /** Waits for a running stream of the same key. Answers how to end this one, or undefined where one has completed. */
  async begin(key: string, scope: TurnScope): Promise<((completed: boolean) => void) | undefined> {
    for (let other = this.#running.get(key); other; other = this.#running.get(key)) await scope.guard(other)
    if (this.#completed.has(key)) return undefined
    const { promise, resolve } = withResolvers()
    this.#running.set(key, promise)
    return completed => {
      if (completed) this.#complete(key)
      this.#running.delete(key)
      resolve()
    }
  }

  #complete(key: string): void {
    this.#completed.add(key)
    if (this.#completed.size <= REMEMBERED_KEYS) return
    // A set goes through its values in the order in which they came.
    for (const oldest of this.#completed) {
      this.#completed.delete(oldest)
      return
    }
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void
  const promise = new Promise<void>(settle => {
    resolve = settle
  })
  return { promise, resolve }
}
