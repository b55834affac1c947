/** Very many connections and streams at the same time on one active server, and what they cost it. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { StoreClient } from '../../client/index.ts'
import { ServerProcess } from '../server-process.ts'
import type { Done, Task } from './client.ts'

export interface OverloadOptions {
  readonly connections: number
  readonly streams: number
  readonly progress: (text: string) => void
}

export interface OverloadReport {
  readonly connections: number
  readonly connectSeconds: number
  /** Of the active server: what its process grew by, and what of that is left after a forced collection. */
  readonly residentBytesPerConnection: number
  readonly heapBytesPerConnection: number
  readonly streams: number
  readonly openSeconds: number
  readonly residentBytesPerStream: number
  readonly heapBytesPerStream: number
  /** Once every stream has written a piece of {@link PIECE_BYTES}. */
  readonly residentBytesPerWritingStream: number
  readonly writeSeconds: number
  readonly endSeconds: number
  /** Calls of another client while all of them are open: milliseconds. */
  readonly otherP50Ms: number
  readonly otherP99Ms: number
  readonly otherIdleP50Ms: number
  /** What the process holds, once all are closed, more than before. */
  readonly heapBytesLeft: number
}

export const PIECE_BYTES = 16 << 10
const CALLS = 300
const PATH = '/drain'

/** A process that does what it is told. */
class ClientProcess implements AsyncDisposable {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  static async start(connections: number): Promise<ClientProcess> {
    const child = fork(fileURLToPath(new URL('./client.js', import.meta.url)))
    const [{ openFiles }] = (await once(child, 'message')) as [{ openFiles: number }]
    if (openFiles < connections + 100) {
      child.kill()
      throw new Error(`${connections} connections need as many open files, and ${openFiles} are allowed: ulimit -n`)
    }
    return new ClientProcess(child)
  }

  do(task: Task): Promise<Done> {
    this.#child.send(task)
    return new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error(`the client has ended in the middle of ${task.do}`))
      this.#child.once('exit', onExit)
      this.#child.once('message', done => {
        this.#child.off('exit', onExit)
        resolve(done as Done)
      })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.disconnect()
    await exited
  }
}

export async function overload({ connections, streams, progress }: OverloadOptions): Promise<OverloadReport> {
  await using metadata = await ServerProcess.start('metadata', [])
  await using active = await ServerProcess.start('active', ['--metadata', metadata.address, '--threads', '2'])
  const address = `http://${metadata.address}`
  await using store = await StoreClient.connect(address)
  const node = await store.create(PATH, 'action')
  await store.deploy(fileURLToPath(new URL('../bench-actions.js', import.meta.url)))
  await node.create('bench-actions/Drain', { interleaved: true })
  const calls = async (): Promise<number[]> => {
    const times: number[] = []
    for (let call = 0; call < CALLS; call++) {
      const start = performance.now()
      await node.call('taken')
      times.push(performance.now() - start)
    }
    return times.sort((a, b) => a - b)
  }
  await using client = await ClientProcess.start(connections)
  const look = async (): Promise<{ heap: number; resident: number }> => {
    const heap = await active.memory()
    await active.watched()
    return { heap, resident: (await active.watched()).residentBytes }
  }

  const connectionsOf = async (): Promise<number> => {
    const metrics = await (await fetch(`http://${active.address}/metrics`)).text()
    return Number(/^glider_connections (\d+)$/m.exec(metrics)?.[1])
  }
  await calls()
  const atRest = await connectionsOf()
  const close = async (): Promise<void> => {
    await client.do({ do: 'close' })
    while ((await connectionsOf()) > atRest) progress('closing')
  }

  // What the first of each kind needs once is not to count.
  await client.do({ do: 'connect', address: active.address, count: 100 })
  await client.do({ do: 'open', address, path: PATH, count: 50 })
  await client.do({ do: 'write', bytes: PIECE_BYTES })
  await client.do({ do: 'end' })
  await close()
  const idleTimes = await calls()

  const before = await look()
  progress(`connecting ${connections} times`)
  const connected = await client.do({ do: 'connect', address: active.address, count: connections })
  const withConnections = await look()
  progress(`opening ${streams} streams`)
  const opened = await client.do({ do: 'open', address, path: PATH, count: streams })
  const withStreams = await look()
  const written = await client.do({ do: 'write', bytes: PIECE_BYTES })
  const writing = await look()
  progress('calling beside them')
  const times = await calls()
  const ended = await client.do({ do: 'end' })
  const taken = await node.call('taken')
  const expected = (50 + streams) * PIECE_BYTES
  if (taken !== expected) throw new Error(`the action has ${String(taken)} bytes of ${expected}`)
  await close()
  const after = await look()
  return {
    connections,
    connectSeconds: connected.seconds,
    residentBytesPerConnection: Math.round((withConnections.resident - before.resident) / connections),
    heapBytesPerConnection: Math.round((withConnections.heap - before.heap) / connections),
    streams,
    openSeconds: opened.seconds,
    residentBytesPerStream: Math.round((withStreams.resident - withConnections.resident) / streams),
    heapBytesPerStream: Math.round((withStreams.heap - withConnections.heap) / streams),
    residentBytesPerWritingStream: Math.round((writing.resident - withConnections.resident) / streams),
    writeSeconds: written.seconds,
    endSeconds: ended.seconds,
    otherP50Ms: times[CALLS >> 1]!,
    otherP99Ms: times[Math.floor(CALLS * 0.99)]!,
    otherIdleP50Ms: idleTimes[CALLS >> 1]!,
    heapBytesLeft: after.heap - before.heap,
  }
}
