/** What workers of `sort` are told. */

/** Write so many records to a file, which is made. */
export interface WriteRecords {
  readonly kind: 'writeRecords'
  readonly file: string
  /** Of the worker: no two records of different workers are the same. */
  readonly number: number
  readonly records: number
}

/** Answer the keys of a few records, as numbers. */
export interface SampleRecords {
  readonly kind: 'sampleRecords'
  readonly file: string
}

/** Read a file and write each record to the node of its range: files are made. */
export interface SplitRecords {
  readonly kind: 'splitRecords'
  readonly file: string
  /** The keys, as numbers, at which all ranges but the first begin. */
  readonly borders: readonly number[]
  readonly to: { readonly files: readonly string[] } | { readonly actions: readonly string[] }
}

/** Read files, sort what is in them all, and write it to another one, which is made. */
export interface SortRecords {
  readonly kind: 'sortRecords'
  readonly files: readonly string[]
  readonly output: string
}

/** Have an action write to a file what it has sorted. */
export interface FinishSorter {
  readonly kind: 'finishSorter'
  readonly action: string
  readonly output: string
}
