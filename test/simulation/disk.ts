/** What a metadata server has written down survives it: the records of the real journal, in the memory of the simulation. */
import { deserialize, serialize } from 'node:v8'
import type { openLmdbJournal } from '../../metadata-server/journal/lmdb-store.ts'
import type { RecordKey, RecordKind } from '../../metadata-server/journal/records.ts'
import { type JournalStore, KINDS, type Row, type StoredHead, TurnJournal } from '../../metadata-server/journal/turn-journal.ts'
import type { Process } from './process.ts'
import type { Scheduler } from './scheduler.ts'

interface Kept {
  readonly key: RecordKey
  readonly bytes: Buffer
}

export class Disk {
  head: Buffer | undefined
  readonly tables = new Map<RecordKind, Map<string, Kept>>(KINDS.map(kind => [kind, new Map()]))

  /** Records of a kind. */
  count(kind: RecordKind): number {
    return this.tables.get(kind)!.size
  }

  /** A journal of one process on this disk, for `startMetadataServer`. */
  opener(process: Process): typeof openLmdbJournal {
    return ({ directory, sync, clock, log, failed }) => {
      const store = new DiskStore(this, process, directory, sync)
      return Promise.resolve(new TurnJournal({ store, clock, log, failed }))
    }
  }
}

class DiskStore implements JournalStore {
  readonly directory: string
  readonly #disk: Disk
  readonly #process: Process
  readonly #scheduler: Scheduler
  readonly #sync: boolean
  /** On its way to the disk. */
  #writing: (() => void) | undefined

  constructor(disk: Disk, process: Process, directory: string, sync: boolean) {
    this.directory = directory
    this.#disk = disk
    this.#process = process
    this.#scheduler = process.scheduler
    this.#sync = sync
    // A process that dies while the disk is busy never hears whether it was in time.
    process.onKill(() => {
      if (process.odds.oneIn(2)) this.#writing?.()
      this.#writing = undefined
    })
  }

  readHead(): StoredHead | undefined {
    return this.#disk.head && (deserialize(this.#disk.head) as StoredHead)
  }

  writeHead(head: StoredHead): void {
    this.#disk.head = serialize(head)
  }

  *records(kind: RecordKind): Iterable<{ readonly key: RecordKey; readonly record: unknown }> {
    const all = [...this.#disk.tables.get(kind)!.values()].sort((a, b) => compareKeys(a.key, b.key))
    for (const { key, bytes } of all) yield { key, record: deserialize(bytes) as unknown }
  }

  lastKey(kind: RecordKind): RecordKey | undefined {
    return [...this.#disk.tables.get(kind)!.values()]
      .map(({ key }) => key)
      .sort(compareKeys)
      .at(-1)
  }

  discard(kind: RecordKind, key: RecordKey): void {
    this.#disk.tables.get(kind)!.delete(JSON.stringify(key))
  }

  write(rows: readonly Row[]): Promise<void> | undefined {
    const written = rows.map(({ kind, key, record }) => ({
      kind,
      key,
      bytes: record === undefined ? undefined : serialize(record),
    }))
    const apply = (): void => {
      for (const { kind, key, bytes } of written) {
        const table = this.#disk.tables.get(kind)!
        if (bytes) table.set(JSON.stringify(key), { key, bytes })
        else table.delete(JSON.stringify(key))
      }
    }
    if (!this.#sync) {
      apply()
      return undefined
    }
    this.#writing = apply
    return new Promise(resolve => {
      this.#scheduler.plan(this.#process, this.#process.odds.rarelyLong(3, 100), 'is on disk', () => {
        this.#writing = undefined
        apply()
        resolve()
      })
    })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** As LMDB orders them; those of one kind are alike. */
function compareKeys(a: RecordKey, b: RecordKey): number {
  if (Array.isArray(a) && Array.isArray(b)) return a[0] - b[0] || a[1] - b[1]
  return a < b ? -1 : a > b ? 1 : 0
}
