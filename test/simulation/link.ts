/**
 * One connection between two processes. Always holds: what one side has written arrives at the other in its order, in pieces of
 * any size; what has not arrived when the link breaks never does.
 */
import type { Transport, TransportEvents } from '../../protocol/transport.ts'
import type { Odds } from './odds.ts'
import type { Process } from './process.ts'
import type { Owner, Scheduler } from './scheduler.ts'

/** What links need of their network. */
export interface Wire {
  readonly wire: Owner
  readonly links: Set<Link>
  latency(): number
  /** Whether somebody listens at a host. */
  isUp(host: string): boolean
}

interface Write {
  readonly buffers: readonly Uint8Array[]
  readonly flushed: () => void
}

/** Bytes on their way, or the end. */
interface Arrival {
  readonly at: number
  readonly bytes: Buffer | undefined
}

/** A sender waits while so much is on its way. */
const ON_THE_WAY_BYTES = 256 << 10
/** As in the real transport one piece of memory is lent to all, and used again. */
const scratch = Buffer.alloc(64 << 10)
/** What a closing end may take to let its last bytes leave. */
const LINGER_MS = 1_000

export class Link {
  readonly number: number
  readonly ends: readonly [dialled: End, accepted: End]
  readonly #wire: Wire

  constructor(
    scheduler: Scheduler,
    wire: Wire,
    odds: Odds,
    number: number,
    [dialling, accepting]: readonly [Process, Process],
    address: string,
  ) {
    this.number = number
    this.#wire = wire
    const shared = { scheduler, wire, odds, link: this }
    const ends = [
      new End(shared, dialling, address),
      new End(shared, accepting, `${dialling.host}:${40_000 + (number % 20_000)}`),
    ] as const
    this.ends = ends
    ends[0].other = ends[1]
    ends[1].other = ends[0]
    for (const end of ends) end.process.onKill(() => end.died())
  }

  joins(a: string, b: string): boolean {
    const [{ process: one }, { process: two }] = this.ends
    return (one.host === a && two.host === b) || (one.host === b && two.host === a)
  }

  /** Nothing arrives until then. */
  hold(until: number): void {
    for (const end of this.ends) end.hold(until)
  }

  release(): void {
    for (const end of this.ends) end.hold(0)
  }

  /** Breaks, for each side at a time of its own; what is on its way to a side arrives until then, or is lost at once. */
  cut(): void {
    for (const end of this.ends) end.sever('read ECONNRESET')
  }

  /** Both sides know that it is gone. */
  over(): void {
    if (this.ends.every(({ isGone }) => isGone)) this.#wire.links.delete(this)
  }
}

interface Shared {
  readonly scheduler: Scheduler
  readonly wire: Wire
  readonly odds: Odds
  readonly link: Link
}

export class End implements Transport {
  readonly remote: string
  readonly process: Process
  other!: End
  readonly #shared: Shared
  /** Whether bytes are received into memory that the receiver names. */
  readonly #landing: boolean
  #events: TransportEvents | undefined
  #writes: Write[] = []
  #leaving = false
  #arrivals: Arrival[] = []
  #arriving = false
  #onTheWay = 0
  #lastArrival = 0
  #heldUntil = 0
  #paused = false
  #closing = false
  #gone = false
  #severed = false
  /** The next bytes that are written here are lost, and the link with them. */
  losesNext = false

  constructor(shared: Shared, process: Process, remote: string) {
    this.#shared = shared
    this.process = process
    this.remote = remote
    this.#landing = shared.odds.oneIn(2)
  }

  get isGone(): boolean {
    return this.#gone || this.process.state === 'dead'
  }

  start(events: TransportEvents): void {
    this.#events = events
    if (this.#gone) events.gone(undefined)
    else this.#awaitArrival()
  }

  write(buffers: readonly Uint8Array[], flushed: () => void): void {
    if (this.#gone) {
      queueMicrotask(flushed)
      return
    }
    this.#writes.push({ buffers, flushed })
    this.#awaitLeaving()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (this.#closing) return
    this.#paused = false
    this.#awaitArrival()
  }

  close(): void {
    if (this.#closing) return
    this.#closing = true
    this.#paused = true
    if (this.#gone) return
    this.#awaitLeaving()
    this.#shared.scheduler.plan(this.process, LINGER_MS, 'lingers no longer', () => this.sever('it was closed'))
  }

  hold(until: number): void {
    this.#heldUntil = until
    this.#awaitArrival()
  }

  /** The link breaks; this side hears of it soon. */
  sever(why: string): void {
    if (this.#severed || this.#gone) return
    this.#severed = true
    const { scheduler, odds, link } = this.#shared
    if (odds.oneIn(2)) this.#drop()
    scheduler.plan(this.process, odds.rarelyLong(1, 200), `link ${link.number} breaks`, () => this.#break(new Error(why)))
    this.other.sever(why)
  }

  /** Its process has died: what it had written is lost, or not. */
  died(): void {
    if (this.#gone) return
    this.#writes = []
    if (this.process.isSilent) {
      this.#shared.link.over()
      return
    }
    this.other.sever('read ECONNRESET')
    this.#shared.link.over()
  }

  #drop(): void {
    this.#arrivals = []
    this.#onTheWay = 0
  }

  #break(cause: Error | undefined, inOrder = false): void {
    if (this.#gone) return
    this.#gone = true
    const writes = this.#writes
    this.#writes = []
    this.#drop()
    this.#events?.gone(cause)
    for (const { flushed } of writes) flushed()
    // In order, the other side hears of it with the last bytes.
    if (!inOrder) this.other.sever('read ECONNRESET')
    this.#shared.link.over()
  }

  #awaitLeaving(): void {
    if (this.#leaving || this.#gone || (this.#writes.length === 0 && !this.#closing)) return
    this.#leaving = true
    const { scheduler, odds } = this.#shared
    scheduler.plan(this.process, odds.between(0, 0.05), 'sends', () => {
      this.#leaving = false
      this.#leave()
    })
  }

  #leave(): void {
    if (this.#gone) return
    const { scheduler, wire } = this.#shared
    const [write] = this.#writes
    if (!write) {
      if (!this.#closing) return
      this.other.#expect(scheduler.now + wire.latency(), undefined)
      this.#break(undefined, true)
      return
    }
    if (this.other.#onTheWay > ON_THE_WAY_BYTES) return
    this.#writes.shift()
    const bytes = Buffer.concat(write.buffers)
    if (this.losesNext) {
      this.losesNext = false
      scheduler.note(this.process.name, () => `loses ${bytes.length} bytes on link ${this.#shared.link.number}`)
      this.other.#drop()
      this.sever('read ECONNRESET')
    } else if (!this.#severed) this.other.#expect(scheduler.now + wire.latency(), bytes)
    write.flushed()
    // Whoever has come up where the other side was knows nothing of it.
    if (this.other.process.isSilent && wire.isUp(this.other.process.host)) this.sever('read ECONNRESET')
    this.#awaitLeaving()
  }

  #expect(at: number, bytes: Buffer | undefined): void {
    if (this.isGone || this.#severed) return
    this.#lastArrival = Math.max(this.#lastArrival, at)
    this.#arrivals.push({ at: this.#lastArrival, bytes })
    this.#onTheWay += bytes?.length ?? 0
    this.#awaitArrival()
  }

  #awaitArrival(): void {
    const [next] = this.#arrivals
    if (!next || this.#arriving || this.#gone) return
    this.#arriving = true
    const { scheduler, link } = this.#shared
    const at = Math.max(next.at, this.#heldUntil)
    scheduler.plan(this.process, at - scheduler.now, `receives on link ${link.number}`, () => {
      this.#arriving = false
      this.#arrive()
    })
  }

  #arrive(): void {
    const { scheduler, odds } = this.#shared
    const [next] = this.#arrivals
    if (!next || this.#gone) return
    if (scheduler.now < this.#heldUntil) {
      this.#awaitArrival()
      return
    }
    if (!next.bytes) {
      this.#break(undefined)
      return
    }
    // Whoever has closed reads nothing more.
    if (this.#closing) {
      this.#drop()
      return
    }
    if (this.#paused || !this.#events) return
    const most = odds.oneIn(8) ? 1 + odds.below(100) : scratch.length
    const place = this.#landing ? this.#events.landing() : undefined
    const into = place ? place.subarray(0, Math.min(most, place.length)) : scratch.subarray(0, most)
    const count = this.#take(into)
    scheduler.note(this.process.name, () => `${count} bytes`)
    if (place) this.#events.landed(count)
    else {
      const lent = scratch.subarray(0, count)
      this.#events.bytes(lent)
      lent.fill(0xee)
    }
    this.other.#awaitLeaving()
    this.#awaitArrival()
  }

  #take(into: Uint8Array): number {
    const { now } = this.#shared.scheduler
    let filled = 0
    for (let next = this.#arrivals[0]; next?.bytes && next.at <= now && filled < into.length; next = this.#arrivals[0]) {
      const count = Math.min(into.length - filled, next.bytes.length)
      into.set(next.bytes.subarray(0, count), filled)
      filled += count
      if (count === next.bytes.length) this.#arrivals.shift()
      else this.#arrivals[0] = { at: next.at, bytes: next.bytes.subarray(count) }
    }
    this.#onTheWay -= filled
    return filled
  }
}
