import type { GliderError } from '../protocol/errors.ts'
import type { TurnScope } from './scope.ts'

interface Waiter {
  start(): void
  fail(error: GliderError): void
}

/**
 * Who may run user code of one object. Always holds: a serial object has at most one turn, turns start in order of arrival,
 * and none starts before the gate has been opened.
 */
export class Turns {
  readonly #interleaved: boolean
  readonly #waiting = new Set<Waiter>()
  readonly #idle: (() => void)[] = []
  #open = false
  #running = 0

  constructor(interleaved: boolean) {
    this.#interleaved = interleaved
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Whoever waits starts. */
  open(): void {
    this.#open = true
    this.#startNext()
  }

  /**
   * Resolves when the turn has come, or answers nothing where it has come at once; each one is ended by `leave`. Who is aborted
   * meanwhile leaves the queue.
   */
  enter(scope: TurnScope): Promise<void> | undefined {
    if (scope.reason) return Promise.reject(scope.reason)
    if (this.#mayStart() && this.#waiting.size === 0) {
      this.#running++
      return undefined
    }
    return new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        start: () => {
          off()
          resolve()
        },
        fail: (error: GliderError): void => {
          this.#waiting.delete(waiter)
          off()
          reject(error)
          this.#tellIdle()
        },
      }
      this.#waiting.add(waiter)
      const off = scope.onAbort(reason => waiter.fail(reason))
    })
  }

  leave(): void {
    this.#running--
    this.#startNext()
    this.#tellIdle()
  }

  /** Everybody who waits gets `error` instead of a turn. */
  failWaiting(error: GliderError): void {
    for (const waiter of [...this.#waiting]) waiter.fail(error)
  }

  /** Resolves when nobody runs or waits. */
  whenIdle(): Promise<void> {
    return new Promise(resolve => {
      this.#idle.push(resolve)
      this.#tellIdle()
    })
  }

  #mayStart(): boolean {
    return this.#open && (this.#interleaved || this.#running === 0)
  }

  #startNext(): void {
    for (const waiter of this.#waiting) {
      if (!this.#mayStart()) return
      this.#waiting.delete(waiter)
      // Counted here, not when the waiter gets to run: otherwise two could start.
      this.#running++
      waiter.start()
    }
  }

  #tellIdle(): void {
    if (this.#running > 0 || this.#waiting.size > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }
}
