/** A client in a process of its own: has one file and its actions, and moves bytes to and from them as it is told by messages. */
import { StoreClient } from '../../client/index.ts'
import { onParentGone } from '../../server/parent-process.ts'
import type { Stage } from '../size/figures.ts'
import { touch, works } from '../size/figures.ts'
import type { ClientAnswer, ClientSetup, ClientTask } from './tasks.ts'

const { address, client, fileBytes, opBytes, batch } = JSON.parse(process.argv[2]!) as ClientSetup
onParentGone(() => process.exit())
const store = await StoreClient.connect(address)

async function prepare(): Promise<Stage> {
  const drain = await store.create(`/drain-${client}`, 'action')
  await drain.create('bench-actions/Drain')
  const generate = await store.create(`/generate-${client}`, 'action')
  await generate.create('bench-actions/Generate')
  const file = await store.create(`/file-${client}`, 'file')
  await touch(file, fileBytes)
  return { file, fileBytes, drain, generate }
}

function tell(work: Promise<unknown>): void {
  const send = (answer: ClientAnswer): boolean => process.connected && process.send!(answer)
  work.then(
    () => send({}),
    (error: unknown) => send({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  )
}

const prepared = prepare()
tell(prepared)
process.on('message', message => {
  const { direction, kind, operations } = message as ClientTask
  tell(prepared.then(stage => works[direction][kind](stage, opBytes, operations, batch)))
})
