/** What every experiment looks like to those that run, draw, tell and compare them. */
import type { TopLevelSpec } from 'vega-lite'
import type { Rounds } from './rounds.ts'

/** Every raw round of one figure. */
export interface Samples {
  readonly unit: string
  readonly better: 'more' | 'less'
  readonly values: readonly number[]
}

/** By the name of the figure. */
export type RawRounds = Readonly<Record<string, Samples>>

/** What a run gives. All of it can be JSON, and plots and tables are made of that alone. */
export interface Outcome<F = unknown> {
  readonly rounds: RawRounds
  /** What `--json` prints under the experiment's name. */
  readonly figures: F
}

export interface Plot {
  /** Of its file, without the ending. */
  readonly name: string
  readonly caption: string
  readonly spec: TopLevelSpec
}

export interface Table {
  readonly caption: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** One line of our figures beside those of the paper. */
export interface PaperLine {
  readonly what: string
  readonly ours: string
  readonly paper: string
}

export type Progress = (text: string) => void

export interface Scale {
  /** Tiny: to see that everything works, not how fast. */
  readonly quick: boolean
}

export interface Experiment<F = unknown> {
  readonly name: string
  /** Of the benchmark, what runs it alone. @default its name */
  readonly command?: string
  readonly title: string
  /** About how long a run takes on two cores. The time left is estimated by it. */
  readonly seconds: number
  run(scale: Scale, progress: Progress): Promise<Outcome<F>>
  plots(outcome: Outcome<F>): readonly Plot[]
  tables(outcome: Outcome<F>): readonly Table[]
  paper(outcome: Outcome<F>): readonly PaperLine[]
}

/** Rounds of figures that are all of one unit. */
export function samplesOf(rounds: Rounds, unit: string, better: Samples['better'] = 'more'): RawRounds {
  return Object.fromEntries(Object.entries(rounds).map(([name, values]) => [name, { unit, better, values }]))
}
