/**
 * Answers kept for repeats. Always holds: of the calls with one client id and sequence number at most one is carried out;
 * all others get its outcome, unless the client has said that it has it, or so many others have been there since that it was
 * forgotten. Answers and clients together are within a limit, but for what is under way.
 */
import { ChurnMap } from '../protocol/churn-map.ts'
import { type Clock, every, type Timer } from '../protocol/clock.ts'
import { GliderError } from '../protocol/errors.ts'
import { Certain, type Ran, whenGiven } from './certain.ts'
import type { AnswerBatch, Journal, KeptAnswer } from './journal/journal.ts'
import type { Party } from './party.ts'

interface Kept {
  readonly operation: string
  /** When it was asked for. */
  readonly atMs: number
  outcome: Outcome
  /** Stops waiting for the caller to go, where the outcome is bound to it. */
  leave: (() => void) | undefined
  /** Where the journal has it. */
  batch: AnswerBatch | undefined
}

type Outcome =
  | { readonly kind: 'running'; readonly answer: Promise<unknown> }
  | { readonly kind: 'answer'; readonly answer: unknown }
  | { readonly kind: 'error'; readonly error: unknown }

interface Client {
  readonly id: string
  /** In order of arrival. */
  readonly kept: ChurnMap<Kept>
  acknowledged: number
  lastMs: number
  /** Whether it was heard of since it was put behind all others. */
  isHeard: boolean
}

export interface AnswersLimits {
  readonly keepAnswersMs: number
  readonly keepAnswersPerClient: number
  readonly keepAnswersPerNamespace: number
}

const DEFAULT_NAMESPACE_NUMBER = 0
/** Clients that are put behind all others at a time. */
const MOST_PASSED_OVER = 100

export interface Numbered {
  readonly sequence?: number
  readonly acknowledged?: number
}

export class Answers {
  readonly #clock: Clock
  readonly #limits: AnswersLimits
  readonly #journal: Journal
  readonly #namespace: number
  /** Whoever is to be forgotten first, unless it was heard of again. */
  readonly #clients = new Map<string, Client>()
  readonly #sweeper: Timer
  #size = 0

  /** @param namespace whose clients these are: their ids mean nothing to others */
  constructor(clock: Clock, limits: AnswersLimits, journal: Journal, namespace = DEFAULT_NAMESPACE_NUMBER) {
    this.#clock = clock
    this.#limits = limits
    this.#journal = journal
    this.#namespace = namespace
    this.#sweeper = every(clock, limits.keepAnswersMs / 10, () => this.#sweep())
  }

  /** How many are kept. */
  get size(): number {
    return this.#size
  }

  /**
   * Carries an operation out unless its outcome is known. An answer that is certain before it is given is kept at once, so
   * that a restart in between finds it together with the change that it tells of.
   * @param bound the outcome is worth nothing once the caller has gone, and is forgotten then
   */
  once<A>(operation: string, numbers: Numbered, caller: Party, bound: boolean, run: () => Ran<A>): A | Promise<A> {
    const { sequence, acknowledged = 0 } = numbers
    if (caller.clientId === undefined || sequence === undefined) return whenGiven(run())
    const client = this.#client(caller.clientId)
    this.#acknowledge(client, acknowledged)
    const known = client.kept.get(sequence)
    if (known) {
      if (bound) known.leave ??= this.#leaving(client, sequence, known, caller)
      return repeat<A>(known, operation, sequence)
    }
    if (sequence <= client.acknowledged) {
      throw new GliderError('PROTOCOL_ERROR', `${operation} ${sequence} is repeated although its answer was acknowledged`)
    }
    const { clientId } = caller
    const record = (kept: Kept, answer: A): void => {
      kept.batch ??= this.#journal.answer({ clientId, sequence, operation, answer, namespace: this.#namespace })
    }
    const keep = (outcome: Outcome): Kept => {
      const kept: Kept = { operation, atMs: this.#clock.now(), outcome, leave: undefined, batch: undefined }
      client.kept.set(sequence, kept)
      this.#size += 1
      this.#bound(client)
      if (bound) kept.leave = this.#leaving(client, sequence, kept, caller)
      return kept
    }
    let ran: Ran<A>
    try {
      ran = run()
    } catch (error) {
      keep({ kind: 'error', error })
      throw error
    }
    const answer = whenGiven(ran)
    if (!(answer instanceof Promise)) {
      record(keep({ kind: 'answer', answer }), answer)
      return answer
    }
    const kept = keep({ kind: 'running', answer })
    if (ran instanceof Certain) record(kept, ran.answer)
    answer.then(
      value => {
        kept.outcome = { kind: 'answer', answer: value }
        record(kept, value)
      },
      (error: unknown) => {
        kept.outcome = { kind: 'error', error }
      },
    )
    return answer
  }

  /** Puts back what was answered at an earlier start. */
  restore({ clientId, sequence, operation, answer }: KeptAnswer, batch: AnswerBatch): void {
    const { kept } = this.#client(clientId)
    const atMs = this.#clock.now()
    this.#size += 1
    kept.set(sequence, { operation, atMs, outcome: { kind: 'answer', answer }, leave: undefined, batch })
  }

  /** Nobody will ask again. */
  forgetAll(): void {
    for (const [id, client] of this.#clients) {
      for (const [sequence, kept] of client.kept) this.#drop(client, sequence, kept)
      if (client.kept.size === 0) this.#clients.delete(id)
    }
  }

  stop(): void {
    this.#sweeper.cancel()
  }

  #leaving(client: Client, sequence: number, kept: Kept, caller: Party): () => void {
    return caller.onGone(() => {
      if (client.kept.get(sequence) !== kept || kept.outcome.kind === 'running') return
      client.kept.delete(sequence)
      this.#size -= 1
      if (kept.batch) this.#journal.retract(kept.batch, { clientId: client.id, sequence, namespace: this.#namespace })
    })
  }

  #client(id: string): Client {
    let client = this.#clients.get(id)
    if (client) client.isHeard = true
    else {
      client = { id, kept: new ChurnMap(), acknowledged: 0, lastMs: 0, isHeard: false }
      this.#clients.set(id, client)
    }
    client.lastMs = this.#clock.now()
    return client
  }

  #acknowledge(client: Client, acknowledged: number): void {
    if (acknowledged <= client.acknowledged) return
    client.acknowledged = acknowledged
    for (const [sequence, kept] of client.kept) {
      if (sequence <= acknowledged) this.#drop(client, sequence, kept)
    }
  }

  #bound(client: Client): void {
    const { keepAnswersPerClient, keepAnswersPerNamespace } = this.#limits
    if (client.kept.size > keepAnswersPerClient) {
      for (const [sequence, kept] of client.kept) if (this.#drop(client, sequence, kept)) break
    }
    while (this.#size + this.#clients.size > keepAnswersPerNamespace) if (!this.#forgetOldest(client)) return
  }

  /**
   * Forgets a client that was not heard of for long, and whatever it has not under way; answers whether there was one. Those that were
   * heard of since they were looked at last go behind all others instead.
   */
  #forgetOldest(spared: Client): boolean {
    let left = MOST_PASSED_OVER
    for (const [id, client] of this.#clients) {
      if (client !== spared && !client.isHeard) {
        for (const [sequence, kept] of client.kept) this.#drop(client, sequence, kept)
        if (client.kept.size === 0) return this.#clients.delete(id)
      }
      client.isHeard = false
      this.#clients.delete(id)
      this.#clients.set(id, client)
      left -= 1
      if (left === 0) return false
    }
    return false
  }

  #sweep(): void {
    const before = this.#clock.now() - this.#limits.keepAnswersMs
    for (const [id, client] of this.#clients) {
      for (const [sequence, kept] of client.kept) {
        if (kept.atMs > before) break
        this.#drop(client, sequence, kept)
      }
      if (client.kept.size === 0 && client.lastMs <= before) this.#clients.delete(id)
    }
  }

  /** What is still under way is kept, so that a repeat can join it. */
  #drop(client: Client, sequence: number, kept: Kept): boolean {
    if (kept.outcome.kind === 'running') return false
    kept.leave?.()
    if (kept.batch) this.#journal.forget(kept.batch)
    this.#size -= 1
    return client.kept.delete(sequence)
  }
}

function repeat<A>({ operation: first, outcome }: Kept, operation: string, sequence: number): A | Promise<A> {
  if (first !== operation) {
    throw new GliderError('PROTOCOL_ERROR', `the sequence number ${sequence} of ${operation} was that of ${first}`)
  }
  switch (outcome.kind) {
    case 'running':
      return outcome.answer as Promise<A>
    case 'answer':
      return outcome.answer as A
    case 'error':
      throw outcome.error
  }
}
