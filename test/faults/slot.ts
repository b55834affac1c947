/**
 * What may be read at one path, by what its one writer has been told. Always holds: it is what was acknowledged last, or what was
 * begun after that and ended without an answer; what was refused, or came before the last acknowledged change, is never seen.
 */
import type { State } from './messages.ts'
import type { Outcome } from './operations.ts'

const NOTHING: State = { version: 0, length: undefined }

export class Slot {
  readonly path: string
  #acknowledged = NOTHING
  #uncertain: State[] = []
  #next = 1

  constructor(path: string) {
    this.path = path
  }

  get mayBeMissing(): boolean {
    return this.possible.some(({ length }) => length === undefined)
  }

  /** A change that is about to begin. */
  next(length: number | undefined): State {
    return { version: this.#next++, length }
  }

  /** What has become of it. Answers whether it was acknowledged. */
  changed(state: State, outcome: Outcome<unknown>): boolean {
    if (outcome.ok) {
      this.#acknowledged = state
      this.#uncertain = []
    } else if (outcome.uncertain) this.#uncertain.push(state)
    return outcome.ok
  }

  /** @throws Error where this may not be here */
  seen(found: { readonly version: number; readonly length: number }): void {
    const state = this.possible.find(({ version }) => version === found.version)
    if (!state)
      throw new Error(
        `${this.path}: ${describe(found)} is there, and what may be there is ${this.possible.map(describe).join(' or ')}`,
      )
    if (state.length !== found.length)
      throw new Error(`${this.path}: ${describe(found)} is there, and ${describe(state)} was written`)
    // It has happened, so what was before cannot come back. What else is uncertain may come yet.
    this.#acknowledged = state
    this.#uncertain = this.#uncertain.filter(one => one !== state)
  }

  /** All states that may be read now. */
  get possible(): readonly State[] {
    return [this.#acknowledged, ...this.#uncertain]
  }
}

function describe({ version, length }: State): string {
  return length === undefined ? `nothing (${version})` : `version ${version} of ${length} bytes`
}
