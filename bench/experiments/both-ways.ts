import { medianFigures, type WayFigures, type WayRounds } from './figures.ts'
import { ofBoth, type WayName, ways, wayTitles } from './ways.ts'

/** What one run of one way gave: what it took, and the result in a form that can be compared. */
export interface Run {
  readonly figures: WayFigures
  readonly result: string
}

export type Runs = Readonly<Record<WayName, () => Promise<Run>>>

/** Medians of the rounds, and the rounds. */
export interface BothWays extends Readonly<Record<WayName, WayFigures>> {
  readonly rounds: WayRounds
}

/**
 * Runs both ways once to warm up, and then for so many rounds, in turn: each begins every other round.
 * @throws Error where they do not give the same
 */
export async function bothWays(runs: Runs, rounds: number, progress: (text: string) => void): Promise<BothWays> {
  const counted = ofBoth(() => [] as WayFigures[])
  let expected: string | undefined
  for (let round = 0; round <= rounds; round++) {
    for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
      progress(`${wayTitles[way]}, ${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}`)
      const { figures, result } = await runs[way]()
      expected ??= result
      if (result !== expected) throw new Error(`the results differ: ${excerpt(expected)} and, ${way}, ${excerpt(result)}`)
      if (round > 0) counted[way].push(figures)
    }
  }
  return { ...ofBoth(way => medianFigures(counted[way])), rounds: counted }
}

function excerpt(result: string): string {
  return JSON.stringify(result.length > 200 ? `${result.slice(0, 200)}…` : result)
}
