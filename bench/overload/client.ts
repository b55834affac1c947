/** The clients of the overload benchmark, in a process of its own: does what its parent says, and answers when it is done. */
import { readFileSync } from 'node:fs'
import { type ActionNode, StoreClient } from '../../client/index.ts'
import { systemClock } from '../../protocol/clock.system.ts'
import { ConnectionCore, connectionContext } from '../../protocol/connection.ts'
import { dial } from '../../protocol/dial.system.ts'
import { onParentGone } from '../../server/parent-process.ts'
import { pipelined } from '../pipelined.ts'

export type Task =
  | { readonly do: 'connect'; readonly address: string; readonly count: number }
  | { readonly do: 'open'; readonly address: string; readonly path: string; readonly count: number }
  /** Every stream sends a piece, so that all of them are in the middle of something. */
  | { readonly do: 'write'; readonly bytes: number }
  | { readonly do: 'end' }
  | { readonly do: 'close' }

export interface Done {
  readonly seconds: number
  /** Of the client itself. */
  readonly residentBytes: number
}

const AT_ONCE = 64
/** Streams of one client. */
const STREAMS_PER_CLIENT = 500

const context = connectionContext(systemClock)
const idle: ConnectionCore[] = []
const stores: StoreClient[] = []
const writers: Awaited<ReturnType<ActionNode['openWriter']>>[] = []

async function run(task: Task): Promise<void> {
  switch (task.do) {
    case 'connect':
      await pipelined(task.count, AT_ONCE, async index => {
        const transport = await dial(task.address)
        const hello = { role: 'client', clientId: `idle-${index}` } as const
        idle.push(await new ConnectionCore(context, { transport, side: 'dialled', hello }).start())
      })
      return
    case 'open': {
      const nodes: ActionNode[] = []
      while (nodes.length * STREAMS_PER_CLIENT < task.count) {
        const store = await StoreClient.connect(task.address)
        stores.push(store)
        nodes.push(await store.lookup(task.path, 'action'))
      }
      await pipelined(task.count, AT_ONCE, async index => {
        writers.push(await nodes[index % nodes.length]!.openWriter())
      })
      return
    }
    case 'write': {
      const piece = Buffer.alloc(task.bytes, 7)
      await Promise.all(writers.map(writer => writer.write(piece)))
      return
    }
    case 'end':
      await Promise.all(writers.splice(0).map(writer => writer.close()))
      return
    case 'close':
      if (idle.some(({ closed }) => closed)) throw new Error('an idle connection was closed')
      for (const connection of idle.splice(0)) connection.close()
      await Promise.all(stores.splice(0).map(store => store.close()))
  }
}

process.on('message', (task: Task) => {
  const start = performance.now()
  run(task).then(
    () => {
      const done: Done = { seconds: (performance.now() - start) / 1_000, residentBytes: process.memoryUsage.rss() }
      process.send!(done)
    },
    (error: Error) => {
      console.error(error)
      process.exit(1)
    },
  )
})
onParentGone(() => process.exit())
// Of the machine: more than that cannot be open.
const limit = /Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
process.send!({ openFiles: Number(limit) })
