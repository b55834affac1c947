import { medianFigures, type WayFigures } from './figures.ts'

/** What one run of one way gave: what it took, and the result in a form that can be compared. */
export interface Run {
  readonly figures: WayFigures
  readonly result: string
}

export interface Ways {
  dataShipping(): Promise<Run>
  nearData(): Promise<Run>
}

export interface BothWays {
  /** Medians of the rounds. */
  readonly dataShipping: WayFigures
  readonly nearData: WayFigures
  readonly rounds: WayRounds
}

/** Every counted round. */
export type WayRounds = Readonly<Record<keyof Ways, readonly WayFigures[]>>

/**
 * Runs both ways once to warm up, and then for so many rounds, in turn: each begins every other round.
 * @throws Error where they do not give the same
 */
export async function bothWays(ways: Ways, rounds: number, progress: (text: string) => void): Promise<BothWays> {
  const counted = { dataShipping: [] as WayFigures[], nearData: [] as WayFigures[] }
  let expected: string | undefined
  for (let round = 0; round <= rounds; round++) {
    const order = ['dataShipping', 'nearData'] as const
    for (const way of round % 2 === 0 ? order : order.toReversed()) {
      progress(
        `${way === 'nearData' ? 'near-data' : 'data-shipping'}, ${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}`,
      )
      const { figures, result } = await ways[way]()
      expected ??= result
      if (result !== expected) throw new Error(`the results differ: ${excerpt(expected)} and, ${way}, ${excerpt(result)}`)
      if (round > 0) counted[way].push(figures)
    }
  }
  return { dataShipping: medianFigures(counted.dataShipping), nearData: medianFigures(counted.nearData), rounds: counted }
}

function excerpt(result: string): string {
  return JSON.stringify(result.length > 200 ? `${result.slice(0, 200)}…` : result)
}
