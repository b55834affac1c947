import { Chance } from '../fuzz/chance.ts'

/** What a seed decides. */
export class Odds extends Chance {
  /** A number from `low` up to `high`. */
  between(low: number, high: number): number {
    return low + (high - low) * (this.below(2 ** 32) / 2 ** 32)
  }

  /** A time that is mostly short, and now and then as long as `most`. */
  rarelyLong(usual: number, most: number): number {
    return this.oneIn(20) ? this.between(usual, most) : this.between(usual / 10, usual)
  }

  /** One of the choices, by their weights. */
  weighed<T>(choices: readonly (readonly [weight: number, choice: T])[]): T {
    let left = this.below(choices.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, choice] of choices) {
      if (left < weight) return choice
      left -= weight
    }
    throw new Error('there is nothing to choose among')
  }

  /** Others, that do not depend on how many of these are asked for. */
  fork(): Odds {
    return new Odds(this.below(2 ** 32))
  }
}
