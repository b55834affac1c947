import type { RawRounds, Samples } from '../experiment.ts'
import { median } from '../rounds.ts'
import { type RatioInterval, ratioInterval, ratioOf } from './interval.ts'

export type Verdict = 'better' | 'worse' | 'within the noise' | 'too few rounds' | 'only before' | 'only after'

export interface Change {
  readonly experiment: string
  readonly figure: string
  readonly unit: string
  readonly before: number | undefined
  readonly after: number | undefined
  readonly ratio: number | undefined
  readonly interval: RatioInterval | undefined
  readonly verdict: Verdict
}

/** The raw rounds of a run, by experiment. */
export type RoundsOfRun = Readonly<Record<string, RawRounds>>

/** Every figure of both runs. One has changed beyond the noise where the interval of the ratio leaves out 1. */
export function compareRuns(before: RoundsOfRun, after: RoundsOfRun, confidence: number): Change[] {
  return union(before, after).flatMap(experiment => {
    const [earlier, later] = [before[experiment] ?? {}, after[experiment] ?? {}]
    return union(earlier, later).map(figure => ({
      experiment,
      figure,
      ...compareFigure(earlier[figure], later[figure], confidence),
    }))
  })
}

function compareFigure(
  before: Samples | undefined,
  after: Samples | undefined,
  confidence: number,
): Omit<Change, 'experiment' | 'figure'> {
  const unit = (after ?? before)!.unit
  const [earlier, later] = [before && median(before.values), after && median(after.values)]
  const sides = { unit, before: earlier, after: later }
  if (!before || !after) {
    return { ...sides, ratio: undefined, interval: undefined, verdict: before ? 'only before' : 'only after' }
  }
  const ratio = ratioOf(later!, earlier!)
  const interval = ratioInterval(before.values, after.values, confidence)
  return { ...sides, ratio, interval, verdict: verdictOf(interval, after.better) }
}

function verdictOf(interval: RatioInterval | undefined, better: Samples['better']): Verdict {
  if (!interval) return 'too few rounds'
  if (interval.low <= 1 && interval.high >= 1) return 'within the noise'
  return interval.low > 1 === (better === 'more') ? 'better' : 'worse'
}

function union(one: object, other: object): string[] {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])]
}
