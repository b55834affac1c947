/**
 * Virtual time. Always holds: one event runs at a time, nothing of it is left to do when the next one begins, and of two events
 * the one that is due first runs first, or the one that was planned first where they are due at the same time.
 */
import type { Timer } from '../../protocol/clock.ts'

/** Whose events these are: they run only while it does. */
export interface Owner {
  readonly name: string
  /** Dead ones never go on. */
  readonly state: 'running' | 'frozen' | 'dead'
  /** Keeps an event that fell due while its owner stands still. */
  defer(event: Event): void
}

export interface Event {
  at: number
  order: number
  readonly owner: Owner
  readonly what: string
  readonly run: () => void
  cancelled: boolean
}

export class Scheduler {
  readonly #heap: Event[] = []
  readonly #trace: ((line: string) => void) | undefined
  #now = 0
  #order = 0
  #events = 0

  /** @param trace told of each event, and of whatever else is worth a line */
  constructor(trace?: (line: string) => void) {
    this.#trace = trace
  }

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.#now
  }

  get isTraced(): boolean {
    return this.#trace !== undefined
  }

  /** How many events have run. */
  get events(): number {
    return this.#events
  }

  plan(owner: Owner, delayMs: number, what: string, run: () => void): Timer {
    const event: Event = { at: this.#now + Math.max(0, delayMs), order: this.#order++, owner, what, run, cancelled: false }
    this.#push(event)
    return {
      cancel: () => {
        event.cancelled = true
      },
    }
  }

  /** Runs what a frozen owner has missed, now. */
  resume(events: readonly Event[]): void {
    for (const event of events) {
      event.at = this.#now
      event.order = this.#order++
      this.#push(event)
    }
  }

  /** A line of the trace; it is made only where somebody reads it. */
  note(name: string, what: () => string): void {
    this.#trace?.(`${this.#now.toFixed(3)} ${name}: ${what()}`)
  }

  /** Runs events until `done` says so; answers false where none is left, or the next one lies beyond the end. */
  drive(done: () => boolean, endMs: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      // Between two callbacks of setImmediate all promises settle that can.
      const turn = (): void => {
        try {
          if (done()) resolve(true)
          else if (this.#step(endMs)) setImmediate(turn)
          else resolve(false)
        } catch (error) {
          reject(error)
        }
      }
      setImmediate(turn)
    })
  }

  /** Time passes, and everything happens that falls due. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    await this.drive(() => false, end)
    this.#now = end
  }

  #step(endMs: number): boolean {
    for (let event = this.#heap[0]; event && event.at <= endMs; event = this.#heap[0]) {
      this.#pop()
      if (event.cancelled || event.owner.state === 'dead') continue
      this.#now = event.at
      if (event.owner.state === 'frozen') {
        event.owner.defer(event)
        continue
      }
      this.#events++
      this.#trace?.(`${this.#now.toFixed(3)} ${event.owner.name}: ${event.what}`)
      event.run()
      return true
    }
    return false
  }

  #push(event: Event): void {
    const heap = this.#heap
    let at = heap.length
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!isBefore(event, heap[above]!)) break
      heap[at] = heap[above]!
      at = above
    }
    heap[at] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
