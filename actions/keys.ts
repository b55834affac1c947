import type { TurnScope } from './scope.ts'

/**
 * The keys of write streams, so that a repeated one counts once. Always holds: of the streams with one key at most one runs,
 * and none after one has completed.
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
      if (completed) this.#completed.add(key)
      this.#running.delete(key)
      resolve()
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
