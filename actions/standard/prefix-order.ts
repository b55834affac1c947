/** Of those that fall into one bucket, where they are spread evenly. */
const BUCKET_ITEMS = 8
const MOST_BUCKETS = 2 ** 20
/** More than these are not inserted one by one. */
const FEW = 32

/** So many are sorted in one turn: some tenths of a second where all comparisons are long. */
const PIECE_ITEMS = 32 * 1024

type Before = (a: number, b: number) => number

/**
 * The numbers of items in the order of their prefixes, and of those with equal ones by `compare`. They are first dealt into buckets
 * by how far their prefix is between the least and the greatest: where prefixes are spread evenly, little is left to sort then; where
 * they are not, it is as if there were no buckets. `pause` lets others have their turn now and then.
 */
export async function orderOf(prefixes: Float64Array, compare: Before, pause: () => Promise<void>): Promise<Uint32Array> {
  const items = new Uint32Array(prefixes.length)
  const ends = dealt(prefixes, items)
  const before: Before = (a, b) => prefixes[a]! - prefixes[b]! || compare(a, b)
  for (let bucket = 0, start = 0, rested = 0; bucket < ends.length; bucket++) {
    const end = ends[bucket]!
    if (end - start > PIECE_ITEMS) await sortLarge(items.subarray(start, end), before, pause)
    else if (end - start > FEW) items.subarray(start, end).sort(before)
    else insertInOrder(items, start, end, before)
    start = end
    if (end - rested < PIECE_ITEMS) continue
    rested = end
    await pause()
  }
  return items
}

/** Sorts pieces, then merges them by twos until there is one. */
async function sortLarge(items: Uint32Array, before: Before, pause: () => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += PIECE_ITEMS) {
    items.subarray(from, from + PIECE_ITEMS).sort(before)
    await pause()
  }
  let source: Uint32Array = items
  let target: Uint32Array = new Uint32Array(items.length)
  for (let width = PIECE_ITEMS; width < items.length; width *= 2) {
    for (let from = 0; from < items.length; from += 2 * width) {
      const merge = new Merge(
        source,
        target,
        from,
        Math.min(from + width, items.length),
        Math.min(from + 2 * width, items.length),
      )
      while (merge.proceed(before)) await pause()
    }
    const merged = target
    target = source
    source = merged
  }
  if (source !== items) items.set(source)
}

/** Merges two neighbouring runs of `source` into the same place of `target`, a piece at a time. */
class Merge {
  readonly #source: Uint32Array
  readonly #target: Uint32Array
  readonly #middle: number
  readonly #end: number
  #left: number
  #right: number
  #next: number

  constructor(source: Uint32Array, target: Uint32Array, start: number, middle: number, end: number) {
    this.#source = source
    this.#target = target
    this.#left = start
    this.#middle = middle
    this.#right = middle
    this.#end = end
    this.#next = start
  }

  /** Answers whether anything is left to do. */
  proceed(before: Before): boolean {
    const source = this.#source
    const stop = Math.min(this.#end, this.#next + PIECE_ITEMS)
    while (this.#next < stop) {
      const fromLeft =
        this.#right === this.#end || (this.#left < this.#middle && before(source[this.#left]!, source[this.#right]!) <= 0)
      this.#target[this.#next++] = fromLeft ? source[this.#left++]! : source[this.#right++]!
    }
    return this.#next < this.#end
  }
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

function insertInOrder(items: Uint32Array, start: number, end: number, before: Before): void {
  for (let next = start + 1; next < end; next++) {
    const item = items[next]!
    let at = next
    for (; at > start && before(items[at - 1]!, item) > 0; at--) items[at] = items[at - 1]!
    items[at] = item
  }
}
