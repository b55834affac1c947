/** Of those that fall into one bucket, where they are spread evenly. */
const BUCKET_ITEMS = 8
const MOST_BUCKETS = 2 ** 20
/** More than these are not inserted one by one. */
const FEW = 32

/**
 * The numbers of items in the order of their prefixes, and of those with equal ones by `compare`. They are first dealt into buckets
 * by how far their prefix is between the least and the greatest: where prefixes are spread evenly, little is left to sort then; where
 * they are not, it is as if there were no buckets.
 */
export function orderOf(prefixes: Float64Array, compare: (a: number, b: number) => number): Uint32Array {
  const items = new Uint32Array(prefixes.length)
  const ends = dealt(prefixes, items)
  const before = (a: number, b: number): number => prefixes[a]! - prefixes[b]! || compare(a, b)
  let start = 0
  for (const end of ends) {
    if (end - start > FEW) items.subarray(start, end).sort(before)
    else insertInOrder(items, start, end, before)
    start = end
  }
  return items
}

/** Fills `items` bucket by bucket; answers where each bucket ends. */
function dealt(prefixes: Float64Array, items: Uint32Array): Uint32Array {
  let least = Number.POSITIVE_INFINITY
  let greatest = Number.NEGATIVE_INFINITY
  for (const prefix of prefixes) {
    if (prefix < least) least = prefix
    if (prefix > greatest) greatest = prefix
  }
  const wanted = Math.min(MOST_BUCKETS, Math.max(1, Math.floor(prefixes.length / BUCKET_ITEMS)))
  const scale = (wanted - 1) / (greatest - least)
  // All are equal, or so far apart that a double does not hold by how much.
  const even = scale > 0 && Number.isFinite(scale)
  const ends = new Uint32Array(even ? wanted : 1)
  const bucketOf = (prefix: number): number => (even ? Math.floor((prefix - least) * scale) : 0)
  for (const prefix of prefixes) ends[bucketOf(prefix)]!++
  let next = 0
  for (let bucket = 0; bucket < ends.length; bucket++) {
    const size = ends[bucket]!
    ends[bucket] = next
    next += size
  }
  // What is where a bucket begins moves on with each item, and is where it ends at last.
  for (let item = 0; item < prefixes.length; item++) items[ends[bucketOf(prefixes[item]!)]!++] = item
  return ends
}

function insertInOrder(items: Uint32Array, start: number, end: number, before: (a: number, b: number) => number): void {
  for (let next = start + 1; next < end; next++) {
    const item = items[next]!
    let at = next
    for (; at > start && before(items[at - 1]!, item) > 0; at--) items[at] = items[at - 1]!
    items[at] = item
  }
}
