/** Sums lines up as `std/Merge` does, over a buffer in memory: no store, no stream, no other thread. */
import { parentPort, workerData } from 'node:worker_threads'
import { Merge } from '../../actions/standard/index.ts'
import { runAction } from '../../actions/testing/index.ts'

const text = Buffer.from(workerData as Uint8Array)
const action = await runAction(Merge)
parentPort!.on('message', (repeats: number) => {
  void action.write(Array.from({ length: repeats }, () => text)).then(() => parentPort!.postMessage('done'))
})
