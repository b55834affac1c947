/** A process of the simulation: its clock, its chance and its log. Dead, it does nothing any more, whatever it has under way. */
import type { Logger } from 'pino'
import type { Clock, Randomness } from '../../protocol/clock.ts'
import type { Odds } from './odds.ts'
import type { Event, Owner, Scheduler } from './scheduler.ts'

/** Where the calendars of all processes begin. */
const BEGIN_MS = 1_800_000_000_000
/** The longest that a turn of an event loop takes to come. */
const TURN_MS = 0.05

export interface ProcessOptions {
  readonly name: string
  /** What is before the port in its address. */
  readonly host: string
  readonly odds: Odds
  /** By how much its calendar is wrong. */
  readonly skewMs?: number
  /** Told of errors in its log. */
  readonly complain: (message: string) => void
}

export class Process implements Owner {
  readonly name: string
  readonly host: string
  readonly odds: Odds
  readonly clock: Clock
  readonly randomness: Randomness
  readonly log: Logger
  readonly scheduler: Scheduler
  #state: Owner['state'] = 'running'
  #silent = false
  readonly #timers = new Set<{ readonly delayMs: number; readonly from: string | undefined }>()
  #lastTurn = 0
  #deferred: Event[] = []
  readonly #onKill = new Set<() => void>()

  constructor(scheduler: Scheduler, { name, host, odds, skewMs = 0, complain }: ProcessOptions) {
    this.scheduler = scheduler
    this.name = name
    this.host = host
    this.odds = odds
    this.clock = {
      now: () => scheduler.now,
      wallTime: () => BEGIN_MS + Math.floor(scheduler.now) + skewMs,
      after: (delayMs, callback) => {
        const pending = { delayMs, from: scheduler.isTraced ? placeOfCall() : undefined }
        this.#timers.add(pending)
        const timer = scheduler.plan(this, delayMs, 'timer', () => {
          this.#timers.delete(pending)
          callback()
        })
        return {
          cancel: () => {
            this.#timers.delete(pending)
            timer.cancel()
          },
        }
      },
      soon: callback => {
        // In the order in which they were asked for, as the turns of an event loop are.
        this.#lastTurn = Math.max(this.#lastTurn, scheduler.now + odds.between(0, TURN_MS))
        scheduler.plan(this, this.#lastTurn - scheduler.now, 'turn', callback)
      },
    }
    this.randomness = {
      bytes: count => odds.bytes(count),
      id: () => odds.bytes(9).toString('base64url'),
    }
    const write =
      (level: string) =>
      (details: object, message: string): void =>
        scheduler.note(name, () => `${level} ${message} ${tell(details)}`)
    const error = (details: object, message: string): void => {
      write('error')(details, message)
      // That it was taken out is the operator's wish.
      if ((details as { code?: string }).code !== 'FORBIDDEN') complain(`${name} logged an error: ${message} ${tell(details)}`)
    }
    this.log = { debug: write('debug'), info: write('info'), warn: write('warn'), error } as unknown as Logger
  }

  get state(): Owner['state'] {
    return this.#state
  }

  /** Its machine is gone, and does not even refuse. */
  get isSilent(): boolean {
    return this.#silent
  }

  /** Timers that have neither run nor been cancelled; in a trace, with the places where they were set. */
  get timers(): string[] {
    return [...this.#timers].map(({ delayMs, from }) => [`${delayMs} ms`, ...(from ? [from] : [])].join(' '))
  }

  defer(event: Event): void {
    this.#deferred.push(event)
  }

  /** Stands still, as a process does that is stopped or swapped out. */
  freeze(): void {
    if (this.#state !== 'running') return
    this.#state = 'frozen'
    this.scheduler.note(this.name, () => 'stands still')
  }

  thaw(): void {
    if (this.#state !== 'frozen') return
    this.#state = 'running'
    this.scheduler.note(this.name, () => 'goes on')
    this.scheduler.resume(this.#deferred.splice(0))
  }

  /** @param silently with its machine: nobody hears of it */
  kill(silently = false): void {
    if (this.#state === 'dead') return
    this.#state = 'dead'
    this.#silent = silently
    this.#deferred = []
    this.scheduler.note(this.name, () => (silently ? 'dies silently' : 'dies'))
    for (const listener of this.#onKill) listener()
  }

  onKill(listener: () => void): void {
    this.#onKill.add(listener)
  }
}

/** Where the caller's caller was called. */
function placeOfCall(): string | undefined {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 6
  const { stack } = new Error('set here')
  Error.stackTraceLimit = stackTraceLimit
  return stack
}

/** In a form that is the same each time: stacks tell of the machine. */
function tell(details: object): string {
  return JSON.stringify(details, (_key, value: unknown) => (value instanceof Error ? `${value.name}: ${value.message}` : value))
}
