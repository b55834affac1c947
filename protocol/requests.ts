import { ChurnMap } from './churn-map.ts'
import { type Clock, every, type Timer } from './clock.ts'
import { GliderError } from './errors.ts'

/** Somebody who waits for the answer to a request. Exactly one of `answered` and `failed` is called, once. */
export interface Pending {
  /** Where the answer's body shall land; undefined to have it lent to `answered`. */
  place(bodyBytes: number): Uint8Array | undefined
  /** Head and body are lent until return, but for a body that lies where `place` said. A throw becomes the failure. */
  answered(head: Buffer, body: Buffer, placed: boolean): void
  failed(error: GliderError): void
}

interface Entry {
  readonly pending: Pending
  readonly deadline: number
  readonly what: string
}

/** Deadlines are looked at so often; a request may outlive its own by this much. */
const SWEEP_MS = 100

/** The requests of one connection that wait for an answer, with their deadlines: one timer for them all, and none when idle. */
export class PendingRequests {
  readonly #clock: Clock
  readonly #expired: (id: number, error: GliderError) => void
  readonly #entries = new ChurnMap<Entry>()
  #sweep: Timer | undefined
  #timed = 0

  /** `expired` is to drop a request whose deadline has passed. */
  constructor(clock: Clock, expired: (id: number, error: GliderError) => void) {
    this.#clock = clock
    this.#expired = expired
  }

  get size(): number {
    return this.#entries.size
  }

  has(id: number): boolean {
    return this.#entries.has(id)
  }

  get(id: number): Pending | undefined {
    return this.#entries.get(id)?.pending
  }

  add(id: number, pending: Pending, timeoutMs: number | undefined, what: string): void {
    const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : this.#clock.now() + timeoutMs
    this.#entries.set(id, { pending, deadline, what })
    if (deadline === Number.POSITIVE_INFINITY) return
    this.#timed++
    this.#sweep ??= every(this.#clock, SWEEP_MS, () => this.#expire())
  }

  /** Takes the request off; undefined where it is no longer waited for. */
  take(id: number): Pending | undefined {
    const entry = this.#entries.take(id)
    if (!entry) return undefined
    if (entry.deadline !== Number.POSITIVE_INFINITY) this.#timed--
    return entry.pending
  }

  failAll(error: GliderError): void {
    this.#sweep?.cancel()
    this.#sweep = undefined
    const entries = [...this.#entries.values()]
    this.#entries.clear()
    this.#timed = 0
    for (const { pending } of entries) pending.failed(error)
  }

  #expire(): void {
    const now = this.#clock.now()
    for (const [id, { deadline, what }] of [...this.#entries]) {
      if (deadline > now) continue
      this.#expired(
        id,
        new GliderError('TIMEOUT', `no answer to ${what} within its deadline: try again, or give it more time with timeoutMs`, {
          outcome: 'unknown',
        }),
      )
    }
    if (this.#timed > 0) return
    this.#sweep?.cancel()
    this.#sweep = undefined
  }
}
