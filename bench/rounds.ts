import { collectGarbage } from './garbage.ts'

/** One figure: a piece of work and how many bytes (or operations) it moves. */
export interface Figure {
  readonly name: string
  /** How much one run of `work` moves, in the unit of the figure. */
  readonly amount: number
  /** What has to be done before each round, and does not count. */
  readonly before?: () => Promise<void>
  /** Resolves to the seconds that it took where it knows that better than whoever waits for it. */
  readonly work: () => Promise<number | void>
}

/** Every raw round of each figure, in amount per second. */
export type Rounds = Readonly<Record<string, readonly number[]>>

/**
 * Runs all figures once to warm up, then in turn for so many rounds: what slows the machine down for a while slows down all of
 * them. Garbage is collected before each, outside its time.
 */
export async function interleaved(figures: readonly Figure[], rounds: number, progress: (text: string) => void): Promise<Rounds> {
  const results: Record<string, number[]> = Object.fromEntries(figures.map(({ name }) => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const { name, amount, before, work } of figures) {
      progress(round === 0 ? `warming up: ${name}` : `round ${round} of ${rounds}: ${name}`)
      await before?.()
      collectGarbage()
      const start = performance.now()
      const seconds = (await work()) ?? (performance.now() - start) / 1_000
      if (round > 0) results[name]!.push(amount / seconds)
    }
  }
  return results
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function medians(rounds: Rounds): Record<string, number> {
  return Object.fromEntries(Object.entries(rounds).map(([name, values]) => [name, median(values)]))
}
