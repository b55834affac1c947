/**
 * The journal in an LMDB database: one table per kind of record, the changes of a turn in one transaction. LMDB writes to the page
 * cache of the system, so what it has committed survives this process; with `sync` each commit waits for the disk as well and
 * survives the machine.
 */
import { open as openFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import type { Clock, Randomness } from '../../protocol/clock.ts'
import { GliderError } from '../../protocol/errors.ts'
import { DirectoryLock } from '../../server/directory-lock.ts'
import type { Log } from '../../server/log.ts'
import { makeDirectory } from '../../server/make-directory.ts'
import type { AnswerBatch, Journal, KeptAnswer, Subjects } from './journal.ts'
import { codecs, type RecordKey, type RecordKind, type Records } from './records.ts'
import type { JournalHead, KeptRecord, SavedState } from './restore.ts'

export interface LmdbJournalOptions {
  /** Made where it is missing; of this server alone. */
  readonly directory: string
  readonly sync: boolean
  readonly clock: Clock
  readonly randomness: Randomness
  readonly log: Log
  /** Told once nothing can be written any more: from then on no change is acknowledged. */
  readonly failed: (error: GliderError) => void
}

/** Rises when records change their form. */
const FORMAT = 2
/** Beside the records of a namespace's own. */
const NO_NAMESPACE = 0
const KINDS = Object.keys(codecs) as RecordKind[]

type Tables = Readonly<Record<RecordKind, Database<unknown, RecordKey>>>

interface Change {
  readonly namespace: number
  readonly subject: Subjects[RecordKind]
  readonly keep: boolean
}

type Changes = Readonly<Record<RecordKind, Map<RecordKey, Change>>>

/** A record as it is written; undefined removes it. */
interface Row {
  readonly kind: RecordKind
  readonly key: RecordKey
  readonly record: unknown
}

export class LmdbJournal implements SavedState {
  readonly #options: LmdbJournalOptions
  readonly #lock: DirectoryLock
  readonly #database: RootDatabase
  readonly #tables: Tables
  #changes = noChanges()
  #batch: AnswerBatch | undefined
  #lastBatch = 0
  /** Changes of this turn are waiting for its end. */
  #waiting = false
  /** Settles when what has changed so far is written. */
  #turn: Promise<void> | undefined
  /** Why no change is taken any more. */
  #refusal: GliderError | undefined

  private constructor(options: LmdbJournalOptions, lock: DirectoryLock, database: RootDatabase) {
    this.#options = options
    this.#lock = lock
    this.#database = database
    const tables = KINDS.map(kind => [kind, database.openDB<unknown, RecordKey>({ name: kind })])
    this.#tables = Object.fromEntries(tables) as Tables
    for (const { key } of this.#tables.answers.getRange({ reverse: true, limit: 1 })) this.#lastBatch = Number(key)
  }

  /** @throws GliderError INVALID_ARGUMENT where the directory cannot be used, or another server has it */
  static async open(options: LmdbJournalOptions): Promise<LmdbJournal> {
    const { directory, sync, randomness } = options
    let lock: DirectoryLock | undefined
    try {
      await makeDirectory(directory, 0o700)
      lock = await DirectoryLock.take(directory, { id: randomness.id(), server: 'metadata server' })
      const path = join(directory, 'journal.lmdb')
      await makePrivate(path)
      return new LmdbJournal(options, lock, open({ path, noSync: !sync, overlappingSync: false, maxDbs: KINDS.length + 1 }))
    } catch (cause) {
      await lock?.release()
      if (cause instanceof GliderError) throw cause
      const why = (cause as Error).message
      const remedy = 'name another with --state-dir'
      throw new GliderError('INVALID_ARGUMENT', `the state directory ${directory} cannot be used (${why}): ${remedy}`, { cause })
    }
  }

  begin(fresh: JournalHead): JournalHead {
    const last = this.#database.get('head') as (JournalHead & { readonly format: number }) | undefined
    if (last && last.format !== FORMAT) {
      throw this.#unfit(`has format ${last.format}, not ${FORMAT}`, 'use the version that wrote it')
    }
    if (last && last.blockBytes !== fresh.blockBytes) {
      const was = last.blockBytes
      throw this.#unfit(`is of blocks of ${was} bytes, not ${fresh.blockBytes}`, `start with --block-size ${was}`)
    }
    const head = last ? { ...last, epoch: Math.max(fresh.epoch, last.epoch + 1) } : fresh
    this.#database.putSync('head', { ...head, format: FORMAT })
    return head
  }

  /** In rising order of their keys. */
  *records<K extends RecordKind>(kind: K): Iterable<KeptRecord<K>> {
    for (const { key, value } of this.#tables[kind].getRange()) {
      const [namespace, record] = value as [number, Records[K]]
      yield { key, namespace, record }
    }
  }

  discard(kind: RecordKind, key: RecordKey): void {
    this.#tables[kind].removeSync(key)
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
    this.#refusal ??= new GliderError('UNAVAILABLE', 'the metadata server is stopping', { outcome: 'unknown' })
  }

  /** Writes what is still to be written. */
  async close(): Promise<void> {
    this.seal()
    // Where that fails, it has been told.
    await this.#turn?.catch(() => {})
    await this.#database.close()
    await this.#lock.release()
  }

  #unfit(why: string, remedy: string): GliderError {
    const { directory } = this.#options
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
      const rows = rowsOf(changes)
      const write = (): void => this.#write(rows)
      // Waiting for the disk is long, and done on a thread of its own; a copy into the page cache is done at once.
      if (this.#options.sync) await this.#database.batch(write)
      else this.#database.transactionSync(write)
    } catch (cause) {
      throw this.#fail(cause as Error)
    }
  }

  #write(rows: readonly Row[]): void {
    for (const { kind, key, record } of rows) {
      const table = this.#tables[kind]
      if (record === undefined) void table.remove(key)
      else void table.put(key, record)
    }
  }

  #fail(cause: Error): GliderError {
    const { directory, log, failed } = this.#options
    const reason = `the journal in ${directory} cannot be written (${cause.message}): see that its disk has room, and start again`
    const failure = new GliderError('UNAVAILABLE', reason, { cause, outcome: 'unknown' })
    this.#refusal = failure
    log.error({ error: cause }, reason)
    failed(failure)
    return failure
  }
}

/** LMDB would make a file that everybody on the machine may read, and the directory may have been there before. */
async function makePrivate(path: string): Promise<void> {
  const file = await openFile(path, 'a', 0o600)
  await file.chmod(0o600)
  await file.close()
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
