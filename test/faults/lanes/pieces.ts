/**
 * What grows by pieces: a file that is appended to, and a bag. Always holds: every piece that was acknowledged is there once, as a
 * whole; one whose end is not known is there or not; none that was refused or given up is.
 */
import { allContent, type Found } from '../content.ts'
import type { Outcome } from '../operations.ts'
import { checked, type Work } from './lane.ts'

export class Pieces {
  readonly path: string
  readonly #work: Work
  readonly #acknowledged = new Set<number>()
  readonly #uncertain = new Set<number>()

  constructor(work: Work, path: string) {
    this.#work = work
    this.path = path
  }

  get count(): number {
    return this.#acknowledged.size
  }

  added(version: number, outcome: Outcome<unknown>): void {
    if (outcome.ok) this.acknowledged(version)
    else if (outcome.uncertain) this.#uncertain.add(version)
  }

  acknowledged(version: number): void {
    this.#acknowledged.add(version)
    this.#work.note({ kind: 'piece', path: this.path, version })
  }

  uncertain(version: number): void {
    this.#uncertain.add(version)
  }

  /** @param inOrder whether they stand one behind the other as they were written */
  seen(kind: string, bytes: Buffer, inOrder: boolean): void {
    checked(this.#work, kind, () => {
      const found = allContent(this.path, bytes)
      checkPieces(this.path, found, this.#acknowledged)
      for (const [at, { version }] of found.entries()) {
        if (inOrder && at > 0 && version <= found[at - 1]!.version)
          throw new Error(`${this.path}: piece ${version} is behind a later one`)
        if (this.#acknowledged.has(version)) continue
        if (!this.#uncertain.delete(version))
          throw new Error(`${this.path}: piece ${version} is there, and was refused or given up`)
        this.#acknowledged.add(version)
      }
    })
  }
}

/** @throws Error where one is missing, or there twice */
export function checkPieces(path: string, found: readonly Found[], acknowledged: Iterable<number>): void {
  const versions = new Set<number>()
  for (const { version } of found) {
    if (versions.has(version)) throw new Error(`${path}: piece ${version} is there twice`)
    versions.add(version)
  }
  for (const version of acknowledged)
    if (!versions.has(version)) throw new Error(`${path}: piece ${version} was acknowledged and is not there`)
}
