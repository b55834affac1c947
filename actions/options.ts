import type { Clock } from '../protocol/clock.ts'
import type { Origin } from '../protocol/origin.ts'
import type { ActionContext } from './action.ts'
import type { Departure } from './departure.ts'

export interface ActionObjectOptions extends Omit<ActionContext, 'signal'> {
  /** Unique among all objects: stands for this one in chains. */
  readonly id: string
  readonly clock: Clock
  /** Who its code belongs to: see currentOwner. */
  readonly owner?: object
}

export interface TurnOptions extends Origin {
  /** Tells when the other side has gone. */
  readonly departure?: Departure | undefined
}

export interface WriteOptions extends TurnOptions {
  /** Makes the stream count once. */
  readonly key?: string | undefined
}

/**
 * - `creating`: streams and calls wait.
 * - `live`: they get turns.
 * - `deleting`: what has come before still runs, nothing new.
 * - `gone`: the end; also after an `onCreate` that threw.
 */
export type ActionObjectState = 'creating' | 'live' | 'deleting' | 'gone'
