/** What one node costs the metadata server, measured in its own process. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { catalogue } from '../../protocol/catalogue.ts'
import type { ConnectionCore } from '../../protocol/connection.ts'
import { pipelined } from '../pipelined.ts'
import { connectTo } from './echo.ts'

/** Small, and never written to: a block that is only handed out takes no memory on its server. */
const BLOCK_BYTES = 4096
const IN_FLIGHT = 256

/** Bytes (`heapUsed + external` after a forced collection) for each of so many one-block files with names of 13 characters. */
export async function bytesPerNode(nodes: number, progress: (text: string) => void): Promise<number> {
  const probe = new URL('./memory-probe.js', import.meta.url).href
  const metadata = await Server.start('metadata', ['--block-size', `${BLOCK_BYTES}`], ['--expose-gc', '--import', probe])
  let storage: Server | undefined
  let connection: ConnectionCore | undefined
  try {
    const capacity = ['--capacity', `${(nodes + IN_FLIGHT) * BLOCK_BYTES}`, '--kind', 'dram']
    storage = await Server.start('storage', ['--metadata', metadata.address, ...capacity], [])
    connection = await connectTo(metadata.address)
    await connection.request(catalogue.create, { path: '/files', type: 'directory' })
    const before = await metadata.memory()
    await fill(connection, nodes, progress)
    return ((await metadata.memory()) - before) / nodes
  } finally {
    connection?.close()
    await storage?.stop()
    await metadata.stop()
  }
}

async function fill(connection: ConnectionCore, nodes: number, progress: (text: string) => void): Promise<void> {
  await pipelined(nodes, IN_FLIGHT, async index => {
    if (index % 10_000 === 0) progress(`memory per node: ${index} of ${nodes}`)
    const path = `/files/f${index.toString().padStart(12, '0')}`
    const { head } = await connection.request(catalogue.openWrite, { path, mode: 'put', blocks: 1 })
    if (head.locations.length !== 1) throw new Error(`no block is left for ${path}`)
    await connection.request(catalogue.commit, { claim: head.claim, size: BLOCK_BYTES, close: true })
  })
}

class Server {
  readonly address: string
  readonly #process: ChildProcess

  private constructor(address: string, process: ChildProcess) {
    this.address = address
    this.#process = process
  }

  static async start(role: 'metadata' | 'storage', flags: readonly string[], execArgv: string[]): Promise<Server> {
    const main = fileURLToPath(new URL(`../../${role}-server/main.js`, import.meta.url))
    const child = fork(main, ['--port', '0', '--log-level', 'error', ...flags], { execArgv })
    const { address } = await answerOf<{ address: string }>(child)
    return new Server(address, child)
  }

  async memory(): Promise<number> {
    const answer = answerOf<{ memory: number }>(this.#process)
    this.#process.send('memory')
    return (await answer).memory
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    await exited
  }
}

/** The next message of a server. */
function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (): void => reject(new Error('a server has ended before its time'))
    child.once('exit', onExit)
    child.once('message', message => {
      child.off('exit', onExit)
      resolve(message as T)
    })
  })
}
