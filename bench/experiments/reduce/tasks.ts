/** What workers of `reduce` are told. */

/** Generate pairs and write them to a file, which is made, or to an action. */
export interface EmitPairs {
  readonly kind: 'emitPairs'
  readonly seed: number
  readonly bytes: number
  readonly to: { readonly file: string } | { readonly action: string }
}

/** Read files and merge them; the answer is the lines of the result, in order. */
export interface MergePairs {
  readonly kind: 'mergePairs'
  readonly files: readonly string[]
}

/** Read what an action has merged; the answer is its lines, in order. */
export interface ReadPairs {
  readonly kind: 'readPairs'
  readonly action: string
}

/** Generate pairs and parse them, in memory. */
export interface TimePairs {
  readonly kind: 'timePairs'
  readonly bytes: number
}

/** In seconds for each byte. */
export interface TimedPairs {
  readonly generating: number
  readonly parsing: number
}
