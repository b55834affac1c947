import type { StoreClient } from 'glider'
import type { Clock } from '../../../protocol/clock.ts'
import type { Chance } from '../../fuzz/chance.ts'
import type { Noted } from '../messages.ts'
import type { Operations, Outcome } from '../operations.ts'
import type { Slot } from '../slot.ts'

/** What a client does one step after the other, in nodes of its own. */
export interface Lane {
  /** One step. Where it fails, the next one goes on from there. */
  step(): Promise<void>
  /** Once all is well again: reads everything that was acknowledged. Answers how much that was. */
  verify(): Promise<number>
}

/** What a lane is given. */
export interface Work {
  readonly store: StoreClient
  readonly operations: Operations
  readonly chance: Chance
  readonly clock: Clock
  /** A directory of its own, which is there. */
  readonly root: string
  readonly note: (noted: Noted) => void
}

/** A little while in the middle of a stream, so that faults find it open. */
export function shortRest({ clock, chance }: Work): Promise<void> {
  return new Promise(resolve => clock.after(5 + chance.below(60), resolve))
}

/** Notes what a change of a slot has come to. */
export function settle(
  work: Work,
  slot: Slot,
  state: { version: number; length: number | undefined },
  outcome: Outcome<unknown>,
): void {
  if (slot.changed(state, outcome) && state.length !== undefined)
    work.note({ kind: 'whole', path: slot.path, version: state.version })
}

/** What is wrong with bytes that were read is a broken rule. Answers whether all is well. */
export function checked(work: Work, kind: string, check: () => void): boolean {
  try {
    check()
    return true
  } catch (error) {
    work.operations.broken(`${kind}: ${(error as Error).message}`)
    return false
  }
}
