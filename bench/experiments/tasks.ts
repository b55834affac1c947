import type { CountWords, WordCounts, WriteText } from './pipeline/tasks.ts'
import type { EmitPairs, MergePairs, ReadPairs, TimedPairs, TimePairs } from './reduce/tasks.ts'
import type { FinishSorter, SampleRecords, SortRecords, SplitRecords, WriteRecords } from './sort/tasks.ts'

export interface WorkerSetup {
  readonly address: string
  /** MB/s in each direction; null for as much as there is. */
  readonly bandwidth: number | null
}

/** Bytes of nodes between one worker and the store. */
export interface Moved {
  readonly sent: number
  readonly received: number
}

/** What workers can be told to do, and what they answer. */
interface Results {
  readonly writeText: [WriteText, undefined]
  readonly countWords: [CountWords, WordCounts]
  readonly emitPairs: [EmitPairs, undefined]
  readonly mergePairs: [MergePairs, string]
  readonly readPairs: [ReadPairs, string]
  readonly timePairs: [TimePairs, TimedPairs]
  readonly writeRecords: [WriteRecords, undefined]
  readonly sampleRecords: [SampleRecords, readonly number[]]
  readonly splitRecords: [SplitRecords, undefined]
  readonly sortRecords: [SortRecords, undefined]
  readonly finishSorter: [FinishSorter, undefined]
}

export type Task = Results[keyof Results][0]
export type ResultOf<K extends keyof Results> = Results[K][1]
export type TaskAnswer<R> = Moved & { readonly result: R }
