/** A worker process of the demo: it knows the SDK and nothing else. */
import { StoreClient } from '../../client/index.ts'
import { serveRequests } from './serve-requests.ts'
import { finishSorter, sample, sortLines, splitLines } from './sort-tasks.ts'
import type { Task, TaskRequest, TaskResult } from './tasks.ts'
import { countWords, mergeCounts } from './word-count-tasks.ts'

serveRequests<TaskRequest>(async ({ address, task }, progress): Promise<TaskResult> => {
  // A client of its own for each task, whose counters are those of the task.
  await using store = await StoreClient.connect(address)
  const result = await run(store, task, progress)
  return { ...result, counters: store.counters() }
})

async function run(store: StoreClient, task: Task, progress: (bytes: number) => void): Promise<Omit<TaskResult, 'counters'>> {
  switch (task.kind) {
    case 'countWords':
      await countWords(store, task.input, task.outputs, progress)
      return {}
    case 'mergeCounts':
      await mergeCounts(store, task.inputs, task.output, progress)
      return {}
    case 'sampleLines':
      return { samples: await sample(store, task.input) }
    case 'splitLines':
      await splitLines(store, task.input, task.borders, task.outputs, progress)
      return {}
    case 'sortLines':
      await sortLines(store, task.inputs, task.output, progress)
      return {}
    case 'finishSorter':
      await finishSorter(store, task.action, task.output)
      return {}
  }
}
