import { type Clock, every, type Timer } from '../protocol/clock.ts'

const PING_MS = 1_000

/**
 * Notices that a thread does not come back from a turn. Always holds: at most one ping is unanswered. Time in which this process
 * itself stood still is not held against the thread: what counts are looks, not the clock.
 */
export class TurnWatch {
  readonly #timer: Timer
  #missed = 0
  #waiting = false

  /**
   * `hung` is called once, when a ping has not been answered for `timeoutMs`, give or take a second.
   * @param timeoutMs asked for at each look
   */
  constructor(clock: Clock, timeoutMs: () => number, { ping, hung }: { readonly ping: () => void; readonly hung: () => void }) {
    this.#timer = every(clock, PING_MS, () => {
      if (!this.#waiting) {
        this.#waiting = true
        this.#missed = 0
        ping()
      } else if (++this.#missed >= Math.ceil(timeoutMs() / PING_MS)) {
        this.#timer.cancel()
        hung()
      }
    })
  }

  answered(): void {
    this.#waiting = false
  }

  stop(): void {
    this.#timer.cancel()
  }
}
