/** What the demo asks of its helper processes, and what they answer. */
import type { Counters } from '../../client/index.ts'
import type { Sampled } from './ranges.ts'

/** Where a map worker sends what it has for each reducer: a file or a live action object for each. */
export interface Outputs {
  readonly kind: 'files' | 'actions'
  readonly paths: readonly string[]
  /** Makes the writes into actions count once, however often the worker is started again. */
  readonly key: string
}

export type Task =
  /** Counts the words of a file and sends `word,count` lines, each word to its reducer. */
  | { readonly kind: 'countWords'; readonly input: string; readonly outputs: Outputs }
  /** Reads files of `word,count` lines and writes one of their sums. */
  | { readonly kind: 'mergeCounts'; readonly inputs: readonly string[]; readonly output: string }
  /** Reads a little of a file and answers what lines it has. */
  | { readonly kind: 'sampleLines'; readonly input: string }
  /** Sends each line of a file to the reducer of its range. */
  | { readonly kind: 'splitLines'; readonly input: string; readonly borders: readonly Uint8Array[]; readonly outputs: Outputs }
  /** Reads files of lines and writes one of all their lines in order. */
  | { readonly kind: 'sortLines'; readonly inputs: readonly string[]; readonly output: string }
  /** Has a sorter write its lines to a file, itself. */
  | { readonly kind: 'finishSorter'; readonly action: string; readonly output: string }

export interface TaskRequest {
  /** Of the metadata server: all that a worker knows of the cluster. */
  readonly address: string
  readonly task: Task
}

export interface TaskResult {
  /** What the SDK has counted while the task ran. */
  readonly counters: Counters
  /** Of `sampleLines`. */
  readonly samples?: readonly Sampled[]
}

/** Asks for the answers to the text of `text`, laid end to end up to so many bytes. */
export interface CheckRequest {
  readonly text: string | undefined
  readonly bytes: number
}
