/**
 * The leases that a client holds. Always holds: a lease that is held has a timer or a renewal under way, and no other lease
 * has; a lease is lost, and says so, only when the metadata server has answered that it is gone.
 */
import type { CallOptions, Lease } from '../actions/store.ts'
import { catalogue } from '../protocol/catalogue.ts'
import type { Clock, Timer } from '../protocol/clock.ts'
import { GliderError, invariant } from '../protocol/errors.ts'
import type { Operation } from '../protocol/operation.ts'

/**
 * - held → releasing → released: on demand. releasing → held: nobody answered, so that it is to be kept.
 * - held or releasing → lost: it has expired, or its node is gone.
 * - held or releasing → left: its client was closed; it runs out by itself.
 */
type State = 'held' | 'releasing' | 'released' | 'lost' | 'left'

const transitions: Record<State, readonly State[]> = {
  held: ['releasing', 'lost', 'left'],
  releasing: ['released', 'held', 'lost', 'left'],
  released: [],
  lost: [],
  left: [],
}

/** What the metadata server tells of a lease that it has given. */
export interface GivenLease {
  readonly node: number
  readonly path: string
  readonly lease: number
}

/** Asks the metadata server; see metadata.ts. */
export interface Asker {
  request<Head, A>(operation: Operation<Head, A>, head: NoInfer<Head>, options?: CallOptions): Promise<A>
}

/** How often a lease is renewed within its time: two renewals may fail. */
const RENEWALS = 3

export class Leases {
  readonly #metadata: Asker
  readonly #clock: Clock
  readonly #held = new Set<HeldLease>()
  #closed = false

  constructor(metadata: Asker, clock: Clock) {
    this.#metadata = metadata
    this.#clock = clock
  }

  /** Renews a lease from now on. */
  hold(given: GivenLease, ttlMs: number): Lease {
    const lease = new HeldLease(this.#metadata, this.#clock, given, ttlMs, () => this.#held.delete(lease))
    this.#held.add(lease)
    if (this.#closed) lease.leave()
    return lease
  }

  /** Renews none any more, and releases none. */
  close(): void {
    this.#closed = true
    for (const lease of [...this.#held]) lease.leave()
  }
}

class HeldLease implements Lease {
  readonly path: string
  readonly ttlMs: number
  readonly #metadata: Asker
  readonly #clock: Clock
  readonly #name: { readonly node: number; readonly lease: number }
  readonly #onEnd: () => void
  readonly #lost = new AbortController()
  #state: State = 'held'
  #timer: Timer

  constructor(metadata: Asker, clock: Clock, { node, path, lease }: GivenLease, ttlMs: number, onEnd: () => void) {
    this.path = path
    this.ttlMs = ttlMs
    this.#metadata = metadata
    this.#clock = clock
    this.#name = { node, lease }
    this.#onEnd = onEnd
    this.#timer = this.#renewAfter(ttlMs / RENEWALS)
  }

  get signal(): AbortSignal {
    return this.#lost.signal
  }

  async renew(options?: CallOptions): Promise<void> {
    try {
      await this.#metadata.request(catalogue.renewLease, this.#name, options)
    } catch (thrown) {
      const error = this.#named(thrown)
      // While it is being released, the answer to that tells.
      if (this.#state === 'held' && error.code === 'NOT_FOUND') this.#end('lost', error)
      throw error
    }
  }

  async release(options?: CallOptions): Promise<void> {
    const wasHeld = this.#state === 'held'
    if (wasHeld) {
      this.#timer.cancel()
      this.#move('releasing')
    }
    try {
      await this.#metadata.request(catalogue.releaseLease, this.#name, options)
    } catch (thrown) {
      const error = this.#named(thrown)
      if (wasHeld && this.#state === 'releasing') {
        if (error.code === 'NOT_FOUND') this.#end('lost', error)
        else {
          this.#move('held')
          this.#timer = this.#renewAfter(0)
        }
      }
      throw error
    }
    if (wasHeld && this.#state === 'releasing') this.#end('released')
  }

  /** Where the lease has ended already, there is nothing to do, and nothing wrong. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state !== 'held') return
    try {
      await this.release()
    } catch (error) {
      if (this.#state === 'held') throw error
    }
  }

  leave(): void {
    this.#end('left')
  }

  #renewAfter(delayMs: number): Timer {
    return this.#clock.after(delayMs, () => void this.#keep())
  }

  /** Renews, and sees to the next time. What fails for want of an answer is tried again. */
  async #keep(): Promise<void> {
    const pauseMs = this.ttlMs / RENEWALS
    const startMs = this.#clock.now()
    const failed = await this.renew().then(
      () => false,
      () => true,
    )
    if (this.#state !== 'held') return
    // A release that failed meanwhile may have set one.
    this.#timer.cancel()
    this.#timer = this.#renewAfter(failed ? pauseMs : Math.max(0, startMs + pauseMs - this.#clock.now()))
  }

  #end(state: 'released' | 'lost' | 'left', cause?: GliderError): void {
    this.#timer.cancel()
    this.#move(state)
    this.#onEnd()
    if (cause) this.#lost.abort(cause)
  }

  #move(to: State): void {
    invariant(transitions[this.#state].includes(to), `a lease does not go from ${this.#state} to ${to}`)
    this.#state = to
  }

  #named(thrown: unknown): GliderError {
    const error = GliderError.from(thrown)
    if (error.code !== 'NOT_FOUND') return error
    const remedy = 'where its node is gone, create it again, else take another lease'
    return new GliderError('NOT_FOUND', `the lease of ${this.path} has expired, or was released: ${remedy}`, { cause: error })
  }
}
