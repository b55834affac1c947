/**
 * The journal's records in an LMDB database: one table per kind of record, the changes of a turn in one transaction. LMDB writes to
 * the page cache of the system, so what it has committed survives this process; with `sync` each commit waits for the disk as well
 * and survives the machine.
 */
import { open as openFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import type { Clock, Randomness } from '../../protocol/clock.ts'
import { GliderError } from '../../protocol/errors.ts'
import { DirectoryLock } from '../../server/directory-lock.ts'
import type { Log } from '../../server/log.ts'
import { makeDirectory } from '../../server/make-directory.ts'
import type { RecordKey, RecordKind } from './records.ts'
import { type JournalStore, KINDS, type Row, type StoredHead, TurnJournal } from './turn-journal.ts'

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

type Tables = Readonly<Record<RecordKind, Database<unknown, RecordKey>>>

/** @throws GliderError INVALID_ARGUMENT where the directory cannot be used, or another server has it */
export async function openLmdbJournal({
  directory,
  sync,
  clock,
  randomness,
  log,
  failed,
}: LmdbJournalOptions): Promise<TurnJournal> {
  let lock: DirectoryLock | undefined
  try {
    await makeDirectory(directory, 0o700)
    lock = await DirectoryLock.take(directory, { id: randomness.id(), server: 'metadata server' })
    const path = join(directory, 'journal.lmdb')
    await makePrivate(path)
    const database = open({ path, noSync: !sync, overlappingSync: false, maxDbs: KINDS.length + 1 })
    return new TurnJournal({ store: new LmdbStore(directory, sync, lock, database), clock, log, failed })
  } catch (cause) {
    await lock?.release()
    if (cause instanceof GliderError) throw cause
    const why = (cause as Error).message
    const remedy = 'name another with --state-dir'
    throw new GliderError('INVALID_ARGUMENT', `the state directory ${directory} cannot be used (${why}): ${remedy}`, { cause })
  }
}

class LmdbStore implements JournalStore {
  readonly directory: string
  readonly #sync: boolean
  readonly #lock: DirectoryLock
  readonly #database: RootDatabase
  readonly #tables: Tables

  constructor(directory: string, sync: boolean, lock: DirectoryLock, database: RootDatabase) {
    this.directory = directory
    this.#sync = sync
    this.#lock = lock
    this.#database = database
    const tables = KINDS.map(kind => [kind, database.openDB<unknown, RecordKey>({ name: kind })])
    this.#tables = Object.fromEntries(tables) as Tables
  }

  readHead(): StoredHead | undefined {
    return this.#database.get('head') as StoredHead | undefined
  }

  writeHead(head: StoredHead): void {
    this.#database.putSync('head', head)
  }

  *records(kind: RecordKind): Iterable<{ readonly key: RecordKey; readonly record: unknown }> {
    for (const { key, value } of this.#tables[kind].getRange()) yield { key, record: value }
  }

  lastKey(kind: RecordKind): RecordKey | undefined {
    for (const { key } of this.#tables[kind].getRange({ reverse: true, limit: 1 })) return key
    return undefined
  }

  discard(kind: RecordKind, key: RecordKey): void {
    this.#tables[kind].removeSync(key)
  }

  write(rows: readonly Row[]): Promise<void> | undefined {
    const write = (): void => {
      for (const { kind, key, record } of rows) {
        const table = this.#tables[kind]
        if (record === undefined) void table.remove(key)
        else void table.put(key, record)
      }
    }
    // Waiting for the disk is long, and done on a thread of its own; a copy into the page cache is done at once.
    if (this.#sync) return this.#database.batch(write).then(() => undefined)
    this.#database.transactionSync(write)
    return undefined
  }

  async close(): Promise<void> {
    await this.#database.close()
    await this.#lock.release()
  }
}

/** LMDB would make a file that everybody on the machine may read, and the directory may have been there before. */
async function makePrivate(path: string): Promise<void> {
  const file = await openFile(path, 'a', 0o600)
  await file.chmod(0o600)
  await file.close()
}
