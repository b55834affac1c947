/**
 * Every operation of a client goes through here. Always holds: it ends within its deadline, with success or with a GliderError whose
 * code is one that this kind of operation may end with; whatever else happens is told as a broken rule.
 */
import { type ErrorCode, GliderError } from 'glider'
import { type Clock, every } from '../../protocol/clock.ts'
import type { Counts } from './messages.ts'

/** What everything may end with while servers are away. Whether it has happened is not known then. */
const UNCERTAIN = ['UNAVAILABLE', 'TIMEOUT'] as const
/** A file has one writer: what has died or was cut off may still be holding its claim. */
const WRITING = ['NO_SPACE', 'DATA_LOST', 'BUSY'] as const
const ADDING = ['NO_SPACE', 'DATA_LOST'] as const
const READING = ['DATA_LOST'] as const

/** Codes that an operation may end with beside these two; NOT_FOUND and the like are allowed where the caller expects them. */
export const allowedCodes = {
  connect: [],
  create: [],
  lookup: [],
  stat: [],
  list: [],
  rename: [],
  delete: [],
  'put a small file': ['BUSY'],
  'put a large file': WRITING,
  'get a file': READING,
  'write a file': WRITING,
  'append to a file': WRITING,
  'read a file': READING,
  'read a range': READING,
  'read a foreign file': ['DATA_LOST', 'BLOCK_GONE', 'NOT_FOUND'],
  'put a value': ADDING,
  'get a value': READING,
  'delete a value': [],
  'list a table': [],
  'put a shared value': ADDING,
  'get a shared value': ['DATA_LOST', 'NOT_FOUND'],
  'add to a bag': ADDING,
  'read a bag': READING,
  'create an object': ['NO_SLOT', 'ACTION_LOST'],
  'write to an action': ['ACTION_LOST'],
  'read from an action': ['ACTION_LOST'],
  'call an action': ['ACTION_LOST'],
} as const satisfies Record<string, readonly ErrorCode[]>

export type OperationKind = keyof typeof allowedCodes

/** What is still allowed once all servers are back: bytes and objects do not come back. */
const FOR_GOOD: ReadonlySet<ErrorCode> = new Set(['DATA_LOST', 'ACTION_LOST'])

/** What passes once they are. */
const PASSING: ReadonlySet<ErrorCode> = new Set(['UNAVAILABLE', 'TIMEOUT', 'NO_SPACE', 'NO_SLOT', 'BUSY'])

/** Of calls: some faults last for longer, and some do not. */
const HURRIED = { timeoutMs: 3_000 }
/** Where nothing goes wrong, only how fast the machine is decides how long things take. */
const PATIENT = { timeoutMs: 30_000 }
/** Streams have no deadline of their own: no fault lasts so long, and nothing may hang. */
export const STREAM_MS = 60_000
/** What a deadline may be missed by where many processes share few cores. */
const GRACE_MS = 4_000
const WATCH_MS = 1_000

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  /** Uncertain: it may have happened, or may happen yet. */
  | { readonly ok: false; readonly code: ErrorCode; readonly uncertain: boolean }

export interface Told {
  readonly broken: (what: string) => void
  readonly gone: (server: string, message: string) => void
}

interface UnderWay {
  readonly kind: OperationKind
  readonly what: string
  readonly begunMs: number
  readonly stalledMs: number
  readonly mostMs: number
  told: boolean
}

export class Operations {
  /** All servers are there, and nothing happens to them. */
  calm = false
  readonly #clock: Clock
  readonly #told: Told
  readonly #underWay = new Set<UnderWay>()
  /** Time in which this process itself stood still. */
  #stalledMs = 0
  #watchedMs: number
  #counts: Record<string, Record<string, number>> = {}

  constructor(clock: Clock, told: Told) {
    this.#clock = clock
    this.#told = told
    this.#watchedMs = clock.now()
    every(clock, WATCH_MS, () => this.#watch())
  }

  /** The options of calls. */
  get call(): { readonly timeoutMs: number } {
    return this.calm ? PATIENT : HURRIED
  }

  /**
   * @param what names it where something is wrong
   * @param expected codes that it may end with this time
   */
  async run<T>(
    kind: OperationKind,
    what: string,
    mostMs: number,
    work: () => Promise<T>,
    expected: readonly ErrorCode[] = [],
  ): Promise<Outcome<T>> {
    const underWay: UnderWay = { kind, what, begunMs: this.#clock.now(), stalledMs: this.#stalledMs, mostMs, told: false }
    this.#underWay.add(underWay)
    try {
      const value = await work()
      this.#count(kind, 'ok')
      return { ok: true, value }
    } catch (thrown) {
      return this.#failed(underWay, thrown, expected)
    } finally {
      this.#underWay.delete(underWay)
      this.#checkTime(underWay)
    }
  }

  broken(what: string): void {
    this.#told.broken(what)
  }

  /** Since the last time. */
  takeCounts(): Counts {
    const counts = this.#counts
    this.#counts = {}
    return counts
  }

  #failed<T>({ kind, what }: UnderWay, thrown: unknown, expected: readonly ErrorCode[]): Outcome<T> {
    if (!(thrown instanceof GliderError)) {
      this.#count(kind, 'no GliderError')
      const said = thrown instanceof Error ? thrown.stack : String(thrown)
      this.broken(`${kind}: ${what} ended with what is no GliderError: ${said}`)
      return { ok: false, code: 'INTERNAL', uncertain: true }
    }
    const { code, message } = thrown
    this.#count(kind, code)
    const uncertain = code === 'UNAVAILABLE' || code === 'TIMEOUT'
    const allowed: readonly ErrorCode[] = [...UNCERTAIN, ...allowedCodes[kind], ...expected]
    if (!allowed.includes(code)) this.broken(`${kind}: ${what} ended with ${code}: ${message} ${causesOf(thrown)}`)
    else if (this.calm && PASSING.has(code))
      this.broken(`${kind}: ${what} ended with ${code} although every server is there: ${message} ${causesOf(thrown)}`)
    const server = /\b(?:storage|active)-\d+(?= )|(?<=server )at [\d.:]+\d/.exec(message)?.[0]
    if (FOR_GOOD.has(code)) this.#told.gone(server ?? '', message)
    return { ok: false, code, uncertain }
  }

  #watch(): void {
    const now = this.#clock.now()
    this.#stalledMs = this.#stalledUntil(now)
    this.#watchedMs = now
    for (const one of this.#underWay) this.#checkTime(one)
  }

  /** What is late now counts as well. */
  #stalledUntil(now: number): number {
    return this.#stalledMs + Math.max(0, now - this.#watchedMs - WATCH_MS)
  }

  #checkTime(one: UnderWay): void {
    const now = this.#clock.now()
    const tookMs = now - one.begunMs - (this.#stalledUntil(now) - one.stalledMs)
    if (one.told || tookMs <= one.mostMs + GRACE_MS) return
    one.told = true
    this.broken(`${one.kind}: ${one.what} takes ${Math.round(tookMs)} ms, and its deadline is ${one.mostMs} ms`)
  }

  #count(kind: OperationKind, how: string): void {
    const counts = this.#counts[kind] ?? {}
    this.#counts[kind] = counts
    counts[how] = (counts[how] ?? 0) + 1
  }
}

function causesOf(error: Error): string {
  const { cause } = error
  return cause instanceof Error ? `(because ${cause.name}: ${cause.message} ${causesOf(cause)})` : ''
}
