/** What workers of `pipeline` are told. */

/** Write lines of words to a file, which is made. */
export interface WriteText {
  readonly kind: 'writeText'
  readonly file: string
  readonly seed: number
  readonly bytes: number
}

/** Count the words of the lines of a node; with `substring` only of those that contain it. */
export interface CountWords {
  readonly kind: 'countWords'
  readonly path: string
  readonly substring?: string
}

/** By word. */
export type WordCounts = ReadonlyMap<string, number>
