/**
 * By how much one set of rounds differs from another: an interval of their ratio, made by inverting the exact test of Mann and
 * Whitney. It needs no idea of how rounds are spread, only that those of one run are alike.
 */
export interface RatioInterval {
  readonly low: number
  readonly high: number
}

/**
 * The interval that the ratio of `after` to `before` lies in, with at least this confidence.
 * Undefined where so few rounds cannot tell.
 */
export function ratioInterval(
  before: readonly number[],
  after: readonly number[],
  confidence: number,
): RatioInterval | undefined {
  const ratios = after.flatMap(later => before.map(earlier => ratioOf(later, earlier))).sort((one, other) => one - other)
  const left = outside(before.length, after.length, (1 - confidence) / 2)
  if (left === 0) return undefined
  return { low: ratios[left - 1]!, high: ratios.at(-left)! }
}

/** Nothing has not changed where it is nothing still. */
export function ratioOf(after: number, before: number): number {
  return before === 0 && after === 0 ? 1 : after / before
}

/**
 * How many of the sorted pairs are beyond the bound on one side, that one included: the largest k with P(U < k) ≤ tail, where U
 * counts the pairs in which one of the second set is smaller, if both come from the same source.
 */
export function outside(first: number, second: number, tail: number): number {
  const counts = pairCounts(first, second)
  const all = counts.reduce((sum, count) => sum + count, 0)
  let k = 0
  for (let below = counts[0]! / all; below <= tail; below += counts[k]! / all) k++
  return k
}

/** In how many orders of the two sets together there are exactly u such pairs, for every u. */
function pairCounts(first: number, second: number): number[] {
  const most = first * second
  // counts[n][u] for the first set as it is and n of the second; the largest of all is of the one set or of the other.
  let counts = Array.from({ length: second + 1 }, () => unit(most))
  for (let m = 1; m <= first; m++) {
    const next = [unit(most)]
    for (let n = 1; n <= second; n++) {
      const [withoutFirst, withoutSecond] = [counts[n]!, next[n - 1]!]
      next.push(withoutSecond.map((count, u) => count + (u >= n ? withoutFirst[u - n]! : 0)))
    }
    counts = next
  }
  return counts[second]!
}

function unit(most: number): number[] {
  return Array.from({ length: most + 1 }, (_, u) => (u === 0 ? 1 : 0))
}
