import type { Registry } from 'prom-client'
import { type Clock, every, type Timer } from '../protocol/clock.ts'
import { BUCKETS, bucketOf } from '../protocol/meter.ts'
import { histogram } from './operation-metrics.ts'

const PERIOD_MS = 100

/** How much later than it was to run a timer runs: for so long the event loop had something else to do. */
export class LoopLag {
  readonly #counts = new Float64Array(BUCKETS)
  #sumMs = 0
  readonly #timer: Timer

  constructor(clock: Clock) {
    let dueMs = clock.now() + PERIOD_MS
    this.#timer = every(clock, PERIOD_MS, () => {
      const nowMs = clock.now()
      this.#observe(Math.max(nowMs - dueMs, 0))
      dueMs = nowMs + PERIOD_MS
    })
  }

  register(registry: Registry): void {
    histogram(registry, 'glider_event_loop_lag_seconds', 'How late timers run, looked at ten times a second.', () => [
      { labels: {}, counts: this.#counts, sum: this.#sumMs / 1e3 },
    ])
  }

  stop(): void {
    this.#timer.cancel()
  }

  #observe(ms: number): void {
    this.#counts[bucketOf(ms)]! += 1
    this.#sumMs += ms
  }
}
