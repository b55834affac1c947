import { GliderError } from '../../protocol/errors.ts'
import type { DirectoryNode, FileNode, StoreClient } from '../store.ts'
import { writeLent } from './write-lent.ts'

/** As long as the object lives its store renews the lease; when its server dies, so do the files. */
const LEASE_MS = 30_000
const MAX_NAME_BYTES = 255

/** Sorted lines in a file of the store. */
export interface Run {
  readonly file: FileNode
  readonly lines: number
  /** With an LF for each line. */
  readonly bytes: number
}

/**
 * Files beside an action that hold what its memory does not: in a directory `.NAME.runs`, with a number where that is taken, which is
 * made when first needed. Always holds: a run that is being read is not deleted.
 */
export class Runs {
  readonly #store: StoreClient
  readonly #actionPath: string
  #directory: Promise<DirectoryNode> | undefined
  #written = 0
  readonly #readers = new Map<Run, number>()
  readonly #unwanted = new Set<Run>()

  constructor(store: StoreClient, actionPath: string) {
    this.#store = store
    this.#actionPath = actionPath
  }

  /** Nothing is left of a run that fails. */
  async write(sorted: AsyncIterable<Buffer>, size: Pick<Run, 'lines' | 'bytes'>, signal: AbortSignal): Promise<Run> {
    const { path } = await (await this.#makeDirectory()).stat({ signal })
    const file = await this.#store.create(`${path}/${++this.#written}`, 'file', { signal })
    const run = { ...size, file }
    try {
      await writeLent(file.createWriteStream({ signal }), sorted)
    } catch (error) {
      await this.delete(run)
      throw error
    }
    return run
  }

  hold(runs: readonly Run[]): void {
    for (const run of runs) this.#readers.set(run, (this.#readers.get(run) ?? 0) + 1)
  }

  async letGo(runs: readonly Run[]): Promise<void> {
    for (const run of runs) {
      const readers = this.#readers.get(run)! - 1
      if (readers > 0) this.#readers.set(run, readers)
      else {
        this.#readers.delete(run)
        if (this.#unwanted.delete(run)) await this.delete(run)
      }
    }
  }

  /** Once nobody reads it any more. Where the store fails, the file goes with the directory. */
  async delete(run: Run): Promise<void> {
    if (this.#readers.has(run)) {
      this.#unwanted.add(run)
      return
    }
    try {
      await this.#store.delete((await run.file.stat()).path)
    } catch (error) {
      if (!(error instanceof GliderError)) throw error
    }
  }

  /** Deletes all of them. */
  async close(): Promise<void> {
    if (!this.#directory) return
    try {
      await this.#store.delete((await (await this.#directory).stat()).path, { recursive: true })
    } catch (error) {
      // It went with a directory above.
      if (!(error instanceof GliderError && error.code === 'NOT_FOUND')) throw error
    }
  }

  #makeDirectory(): Promise<DirectoryNode> {
    this.#directory ??= this.#firstFree().catch((error: unknown) => {
      this.#directory = undefined
      throw error
    })
    return this.#directory
  }

  async #firstFree(): Promise<DirectoryNode> {
    const slash = this.#actionPath.lastIndexOf('/')
    const own = `.${this.#actionPath.slice(slash + 1)}.runs`
    const name = Buffer.byteLength(own) <= MAX_NAME_BYTES - 8 ? own : '.action.runs'
    for (let number = 0; ; number++) {
      try {
        const path = `${this.#actionPath.slice(0, slash)}/${name}${number === 0 ? '' : `-${number}`}`
        return await this.#store.create(path, 'directory', { parents: true, ttlMs: LEASE_MS })
      } catch (error) {
        if (!(error instanceof GliderError && error.code === 'ALREADY_EXISTS')) throw error
      }
    }
  }
}
