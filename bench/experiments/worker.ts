/** A worker process: told by its argument where the store is and how wide its link, and by messages what to do. */
import type { StoreClient } from '../../client/index.ts'
import { openStore } from '../../client/store-client.ts'
import { systemClock } from '../../protocol/clock.system.ts'
import { dial } from '../../protocol/dial.system.ts'
import { onParentGone } from '../../server/parent-process.ts'
import { NarrowLink } from './narrow-link.ts'
import { countWords, writeText } from './pipeline/work.ts'
import { emitPairs, mergePairs, readPairs, timePairs } from './reduce/work.ts'
import { finishSorter, sampleRecords, sortRecords, splitRecords, writeRecords } from './sort/work.ts'
import type { Moved, Task, WorkerSetup } from './tasks.ts'

const MB = 1e6

const { address, bandwidth } = JSON.parse(process.argv[2]!) as WorkerSetup
const store = connect()

/** Without a limit there is nothing between the client and its sockets. */
function connect(): StoreClient {
  if (bandwidth === null) return openStore(address, {})
  const link = new NarrowLink(systemClock, bandwidth * MB)
  return openStore(address, { dial: async (to, options) => link.over(await dial(to, options)) })
}

async function work(task: Task): Promise<unknown> {
  switch (task.kind) {
    case 'writeText':
      return writeText(store, task)
    case 'countWords':
      return countWords(store, task)
    case 'emitPairs':
      return emitPairs(store, task)
    case 'mergePairs':
      return mergePairs(store, task)
    case 'readPairs':
      return readPairs(store, task)
    case 'timePairs':
      return timePairs(task)
    case 'writeRecords':
      return writeRecords(store, task)
    case 'sampleRecords':
      return sampleRecords(store, task)
    case 'splitRecords':
      return splitRecords(store, task)
    case 'sortRecords':
      return sortRecords(store, task)
    case 'finishSorter':
      return finishSorter(store, task)
  }
}

function moved(): Moved {
  const { bytesSent, bytesReceived } = store.counters()
  return { sent: bytesSent, received: bytesReceived }
}

async function answer(task: Task): Promise<object> {
  try {
    const before = moved()
    const result = await work(task)
    const after = moved()
    return { answer: { result, sent: after.sent - before.sent, received: after.received - before.received } }
  } catch (error) {
    return { error: error instanceof Error ? error.stack : String(error) }
  }
}

process.on('message', task => {
  void answer(task as Task).then(message => process.connected && process.send!(message))
})
onParentGone(() => {
  void store.close().then(() => process.exit())
})
await store.exists('/')
process.send!({ answer: 'ready' })
