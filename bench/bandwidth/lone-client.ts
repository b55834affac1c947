/** A client in a process of its own, so that what it takes is its own: does what its parent tells it to. */
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { StoreClient } from '../../client/index.ts'
import { onParentGone } from '../../server/parent-process.ts'
import type { Task, TaskResult } from './lone-client-process.ts'

const PIECE_BYTES = 256 << 10

onParentGone(() => process.exit())
const store = await StoreClient.connect(process.argv[2]!)

async function perform(task: Task): Promise<TaskResult> {
  switch (task.name) {
    case 'write':
      return { value: await growthDuring(grown => write(task.path, task.bytes, grown)) }
    case 'read':
      return { value: await growthDuring(grown => read(task.path, task.bytes, grown)) }
    case 'touch':
      for (const path of task.paths) await touch(path)
      return { value: 0 }
    case 'idle':
      return { value: await busySeconds(task.milliseconds) }
  }
}

/** Bytes of resident size beyond what it was at the beginning, at most. */
async function growthDuring(work: (grown: () => void) => Promise<void>): Promise<number> {
  const start = process.memoryUsage.rss()
  let most = start
  const sample = (): void => {
    most = Math.max(most, process.memoryUsage.rss())
  }
  await work(sample)
  sample()
  return most - start
}

async function write(path: string, bytes: number, grown: () => void): Promise<void> {
  const file = await store.create(path, 'file')
  const stream = file.createWriteStream()
  const piece = Buffer.alloc(PIECE_BYTES, 7)
  for (let left = bytes; left > 0; left -= piece.length) {
    if (!stream.write(left < piece.length ? piece.subarray(0, left) : piece)) await once(stream, 'drain')
    grown()
  }
  stream.end()
  await once(stream, 'finish')
}

async function read(path: string, bytes: number, grown: () => void): Promise<void> {
  const file = await store.lookup(path, 'file')
  let received = 0
  for await (const chunk of file.createReadStream()) {
    received += (chunk as Buffer).length
    grown()
  }
  if (received !== bytes) throw new Error(`${received} bytes were read of ${bytes}`)
}

/** Opens the connection to the server of a node, with something to do for it. */
async function touch(path: string): Promise<void> {
  const node = await store.lookup(path)
  if (node.type === 'action') {
    await node.call('taken')
    return
  }
  const file = await store.lookup(path, 'file')
  await using handle = await file.open()
  await handle.read(0, Buffer.alloc(1024))
}

async function busySeconds(milliseconds: number): Promise<number> {
  const before = process.cpuUsage()
  await pause(milliseconds)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}

process.on('message', message => {
  perform(message as Task).then(
    result => process.send!(result),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
process.send!({ value: 0 } satisfies TaskResult)
