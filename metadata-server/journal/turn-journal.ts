/**
 * The journal: gathers what changes in a turn, and hands it to the store as one. What the store is does not matter here: an LMDB
 * database (lmdb-store.ts), or memory in a simulation.
 */
import type { Clock } from '../../protocol/clock.ts'
import { GliderError } from '../../protocol/errors.ts'
import type { Log } from '../../server/log.ts'
import type { AnswerBatch, Journal, KeptAnswer, Subjects } from './journal.ts'
import { codecs, type RecordKey, type RecordKind, type Records } from './records.ts'
import type { JournalHead, KeptRecord, SavedState } from './restore.ts'

/** A record as it is written; undefined removes it. */
export interface Row {
  readonly kind: RecordKind
  readonly key: RecordKey
  readonly record: unknown
}

export type StoredHead = JournalHead & { readonly format: number }

/** Keeps records over the death of the process: one table per kind. */
export interface JournalStore {
  readonly directory: string
  readHead(): StoredHead | undefined
  writeHead(head: StoredHead): void
  /** In rising order of their keys. */
  records(kind: RecordKind): Iterable<{ readonly key: RecordKey; readonly record: unknown }>
  /** The highest key of a kind. */
  lastKey(kind: RecordKind): RecordKey | undefined
  discard(kind: RecordKind, key: RecordKey): void
  /** All of the rows or none. What is kept when it returns, or when its promise resolves, is there at the next start. */
  write(rows: readonly Row[]): void | Promise<void>
  close(): Promise<void>
}

export interface TurnJournalOptions {
  readonly store: JournalStore
  readonly clock: Clock
  readonly log: Log
  /** Told once nothing can be written any more: from then on no change is acknowledged. */
  readonly failed: (error: GliderError) => void
}

/** Rises when records change their form. */
const FORMAT = 2
/** Beside the records of a namespace's own. */
const NO_NAMESPACE = 0
export const KINDS = Object.keys(codecs) as RecordKind[]

interface Change {
  readonly namespace: number
  readonly subject: Subjects[RecordKind]
  readonly keep: boolean
}

type Changes = Readonly<Record<RecordKind, Map<RecordKey, Change>>>

export class TurnJournal implements SavedState {
  readonly #options: TurnJournalOptions
  readonly #store: JournalStore
  #changes = noChanges()
  #batch: AnswerBatch | undefined
  #lastBatch = 0
  /** Changes of this turn are waiting for its end. */
  #waiting = false
  /** Settles when what has changed so far is written. */
  #turn: Promise<void> | undefined
  /** Why no change is taken any more. */
  #refusal: GliderError | undefined
  /** What was still to be written when it was sealed. */
  #sealed: readonly Row[] | undefined

  constructor(options: TurnJournalOptions) {
    this.#options = options
    this.#store = options.store
    this.#lastBatch = Number(options.store.lastKey('answers') ?? 0)
  }

  begin(fresh: JournalHead): JournalHead {
    const last = this.#store.readHead()
    if (last && last.format !== FORMAT) {
      throw this.#unfit(`has format ${last.format}, not ${FORMAT}`, 'use the version that wrote it')
    }
    if (last && last.blockBytes !== fresh.blockBytes) {
      const was = last.blockBytes
      throw this.#unfit(`is of blocks of ${was} bytes, not ${fresh.blockBytes}`, `start with --block-size ${was}`)
    }
    const head = last ? { ...last, epoch: Math.max(fresh.epoch, last.epoch + 1) } : fresh
    this.#store.writeHead({ ...head, format: FORMAT })
    return head
  }

  /** In rising order of their keys. */
  *records<K extends RecordKind>(kind: K): Iterable<KeptRecord<K>> {
    for (const { key, record: stored } of this.#store.records(kind)) {
      const [namespace, record] = stored as [number, Records[K]]
      yield { key, namespace, record }
    }
  }

  discard(kind: RecordKind, key: RecordKey): void {
    this.#store.discard(kind, key)
  }

  keep<K extends RecordKind>(kind: K, subject: Subjects[K]): void {
    this.#change(kind, subject, true, NO_NAMESPACE)
  }

  drop<K extends RecordKind>(kind: K, subject: Subjects[K]): void {
    this.#change(kind, subject, false, NO_NAMESPACE)
  }

  of(namespace: number): Journal {
    return {
      keep: (kind, subject) => this.#change(kind, subject, true, namespace),
      drop: (kind, subject) => this.#change(kind, subject, false, namespace),
      answer: answer => this.answer(answer),
      forget: batch => this.forget(batch),
      retract: (batch, answer) => this.retract(batch, answer),
      settled: () => this.settled(),
      of: other => this.of(other),
    }
  }

  answer(answer: KeptAnswer): AnswerBatch {
    if (!this.#batch) {
      this.#lastBatch += 1
      this.#batch = { number: this.#lastBatch, answers: [], needed: 0 }
    }
    this.#batch.answers.push(answer)
    this.#batch.needed += 1
    // Each time: the answers before it may all have been forgotten within this turn.
    this.keep('answers', this.#batch)
    return this.#batch
  }

  forget(batch: AnswerBatch): void {
    batch.needed -= 1
    if (batch.needed === 0) this.drop('answers', batch)
  }

  retract(batch: AnswerBatch, { clientId, sequence, namespace }: Parameters<Journal['retract']>[1]): void {
    const at = batch.answers.findIndex(
      answer => answer.sequence === sequence && answer.clientId === clientId && answer.namespace === namespace,
    )
    if (at >= 0) batch.answers.splice(at, 1)
    batch.needed -= 1
    if (batch.needed === 0) this.drop('answers', batch)
    else this.keep('answers', batch)
  }

  settled(): Promise<void> | undefined {
    return this.#refusal ? Promise.reject(this.#refusal) : this.#turn
  }

  /** Takes no change from here on: the next start finds what it would find had this process died now. */
  seal(): void {
    if (this.#refusal) return
    this.#refusal = new GliderError('UNAVAILABLE', 'the metadata server is stopping', { outcome: 'unknown' })
    // As it is now: what ends with the connections, which are closed next, is not to end for the next start.
    this.#sealed = rowsOf(this.#changes)
  }

  /** Writes what is still to be written. */
  async close(): Promise<void> {
    this.seal()
    // Where that fails, it has been told.
    await this.#turn?.catch(() => {})
    await this.#store.close()
  }

  #unfit(why: string, remedy: string): GliderError {
    const { directory } = this.#store
    return new GliderError('INVALID_ARGUMENT', `the state directory ${directory} ${why}: ${remedy}, or name another directory`)
  }

  #change<K extends RecordKind>(kind: K, subject: Subjects[K], keep: boolean, namespace: number): void {
    if (this.#refusal) return
    this.#changes[kind].set(codecs[kind].key(subject, namespace), { subject, keep, namespace })
    if (this.#waiting) return
    this.#waiting = true
    const turn: Promise<void> = this.#endOfTurn(this.#turn).finally(() => {
      if (this.#turn === turn) this.#turn = undefined
    })
    // Whoever is to be answered hears of a failure; where that is nobody, the server ends all the same.
    turn.catch(() => {})
    this.#turn = turn
  }

  async #endOfTurn(before: Promise<void> | undefined): Promise<void> {
    await new Promise<void>(resolve => this.#options.clock.soon(resolve))
    // One after another: what comes after something that cannot be written is not written either, or it would contradict it.
    await before
    this.#waiting = false
    const changes = this.#changes
    this.#changes = noChanges()
    this.#batch = undefined
    try {
      const written = this.#store.write(this.#sealed ?? rowsOf(changes))
      if (written) await written
    } catch (cause) {
      throw this.#fail(cause as Error)
    }
  }

  #fail(cause: Error): GliderError {
    const { log, failed } = this.#options
    const { directory } = this.#store
    const reason = `the journal in ${directory} cannot be written (${cause.message}): see that its disk has room, and start again`
    const failure = new GliderError('UNAVAILABLE', reason, { cause, outcome: 'unknown' })
    this.#refusal = failure
    log.error({ error: cause }, reason)
    failed(failure)
    return failure
  }
}

/** All of them before the first is written, since a transaction with `sync` keeps what was written before a throw. */
function rowsOf(changes: Changes): Row[] {
  const rows: Row[] = []
  for (const kind of KINDS) {
    const codec = codecs[kind] as { encode(subject: unknown): unknown }
    for (const [key, { subject, keep, namespace }] of changes[kind]) {
      const record = keep ? codec.encode(subject) : undefined
      rows.push({ kind, key, record: record === undefined ? undefined : [namespace, record] })
    }
  }
  return rows
}

function noChanges(): Changes {
  return Object.fromEntries(KINDS.map(kind => [kind, new Map()])) as unknown as Changes
}
