/** What does something in a simulation, and knows what has to come of it. */
import type { StoreClient } from '../../actions/store.ts'
import { type ErrorCode, GliderError } from '../../protocol/errors.ts'
import type { Odds } from './odds.ts'
import { pieceOf } from './pieces.ts'
import type { Client, World } from './world.ts'

export type Outcome<T> =
  | { readonly code: undefined; readonly value: T }
  | { readonly code: ErrorCode; readonly value?: undefined; readonly message: string }

/** What cannot come of anything that a program asks for rightly. */
const NEVER: ReadonlySet<ErrorCode> = new Set(['INTERNAL', 'PROTOCOL_ERROR', 'FORBIDDEN', 'UNAUTHENTICATED', 'INVALID_PATH'])
/** After these nobody knows what has become of a change. */
const UNKNOWN: ReadonlySet<ErrorCode | undefined> = new Set(['UNAVAILABLE', 'TIMEOUT', 'CANCELLED'])

export function isUnknown({ code }: Outcome<unknown>): boolean {
  return UNKNOWN.has(code)
}

export abstract class Actor {
  readonly name: string
  readonly world: World
  readonly client: Client
  readonly odds: Odds
  /** What is under way, and since when. */
  doing: string | undefined
  done = false

  constructor(name: string, world: World, client: Client) {
    this.name = name
    this.world = world
    this.client = client
    this.odds = world.odds.fork()
  }

  get store(): StoreClient {
    return this.client.store
  }

  /** Whether it will never do anything any more. */
  get isOver(): boolean {
    return this.done || this.client.process.state === 'dead'
  }

  start(): void {
    this.act().then(
      () => {
        this.done = true
      },
      (thrown: unknown) => {
        this.done = true
        this.complain(`failed at ${this.doing}: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
      },
    )
  }

  /** Does all that it is there for. */
  protected abstract act(): Promise<void>

  /** Once everything is well again: that all is as it has to be, as another client sees it. */
  abstract verify(store: StoreClient): Promise<void>

  complain(what: string): void {
    if (!this.world.hasForgotten) this.world.complain(`${this.name}: ${what}`)
  }

  expect(holds: boolean, what: () => string): void {
    if (!holds) this.complain(what())
  }

  /** Carries something out; it is the caller's to say which outcomes are right. */
  async attempt<T>(what: string, run: (options: { timeoutMs?: number }) => Promise<T>): Promise<Outcome<T>> {
    const { scheduler } = this.world
    this.doing = what
    scheduler.note(this.name, () => what)
    const options = this.odds.oneIn(12) ? { timeoutMs: 200 + this.odds.below(3_000) } : {}
    const outcome = await outcomeOf(() => run(options))
    scheduler.note(this.name, () => `${what} → ${outcome.code ?? tell(outcome.value)}`)
    if (outcome.code && NEVER.has(outcome.code))
      this.world.complain(`${this.name}: ${what} ended in ${outcome.code}: ${outcome.message}`)
    this.doing = undefined
    return outcome
  }

  /** An outcome that no rule explains. */
  unexpected(what: string, outcome: Outcome<unknown>): void {
    this.complain(`${what} → ${outcome.code ?? tell(outcome.value)}${outcome.code ? ` (${outcome.message})` : ''}`)
  }

  /** Lets time pass. */
  think(mostMs: number): Promise<void> {
    const most = mostMs * this.world.pace
    return this.pause(this.odds.rarelyLong(most / 5, most))
  }

  pause(ms: number): Promise<void> {
    return new Promise(resolve => this.client.process.clock.after(ms, resolve))
  }

  /** Bytes that no others begin with. */
  piece(size: number): string {
    return pieceOf(this.world.pieces++, size)
  }
}

export async function outcomeOf<T>(run: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { code: undefined, value: await run() }
  } catch (error) {
    if (error instanceof GliderError) return { code: error.code, message: error.message }
    throw error
  }
}

function tell(value: unknown): string {
  // Proxies and leases have all of their client in them.
  if (typeof value === 'object' && value !== null && 'path' in value && !('size' in value)) return String(value.path)
  const text = JSON.stringify(value) ?? 'done'
  return text.length > 100 ? `${text.slice(0, 100)}… (${text.length})` : text
}
