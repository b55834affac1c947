/** What the stages of `bench bandwidth` share. Each starts what it measures and stops it, so that nothing else runs beside it. */
import type { Figure, Rounds } from '../rounds.ts'
import type { FigureName } from './figures.ts'

export interface StageOptions {
  /** Counted ones. */
  readonly rounds: number
  /** What a figure of large operations moves in a round; others move shares of it. */
  readonly amountMiB: number
  /** What is streamed to see how a client grows. */
  readonly streamMiB: number
  readonly progress: (text: string) => void
}

/** Names are of those that are told; a stage leaves out what it cannot measure here. */
export type Measured = Partial<Record<FigureName, readonly number[]>>

export type Stage = (options: StageOptions) => Promise<Measured>

/** The figures' names are checked where they are made. */
export function measured(rounds: Rounds): Measured {
  return rounds
}

export interface NamedFigure extends Figure {
  readonly name: FigureName
}
