/** A redis-server of our own, in memory only, and what ioredis and redis-benchmark make of it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { pipelined } from '../pipelined.ts'
import type { Figure } from '../rounds.ts'
import { KEYS, type Names, VALUE_BYTES } from './store-figures.ts'

export class RedisServer {
  readonly #process: ChildProcess
  readonly #client: Redis
  readonly #port: number

  private constructor(process: ChildProcess, client: Redis, port: number) {
    this.#process = process
    this.#client = client
    this.#port = port
  }

  /** Undefined where there is no `redis-server` on the PATH. */
  static async start(): Promise<RedisServer | undefined> {
    const port = await freePort()
    const flags = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--daemonize', 'no']
    const child = spawn('redis-server', flags, { stdio: ['ignore', 'pipe', 'inherit'] })
    const endWithUs = (): boolean => child.kill('SIGKILL')
    process.once('exit', endWithUs)
    child.once('exit', () => process.off('exit', endWithUs))
    if (!(await isReady(child))) return undefined
    return new RedisServer(child, new Redis({ port, host: '127.0.0.1', enableAutoPipelining: true }), port)
  }

  figures(names: Names, operations: number, inFlight: number): Figure[] {
    const value = Buffer.alloc(VALUE_BYTES, 7)
    const figure = (name: string, operation: (key: string) => Promise<unknown>): Figure => ({
      name,
      amount: operations,
      work: () => pipelined(operations, inFlight, index => operation(names.keys[index % KEYS]!)),
    })
    return [figure('ioredisPut', key => this.#client.set(key, value)), figure('ioredisGet', key => this.#client.getBuffer(key))]
  }

  /** One run of redis-benchmark over one connection: operations per second. */
  async benchmark(operations: number, inFlight: number): Promise<{ put: number; get: number }> {
    const size = ['-d', `${VALUE_BYTES}`, '-r', `${KEYS}`, '-n', `${operations}`]
    const flags = ['-p', `${this.#port}`, '-c', '1', '-P', `${inFlight}`, '-t', 'set,get', ...size, '--csv']
    const { stdout } = await promisify(execFile)('redis-benchmark', flags)
    return parseBenchmark(stdout)
  }

  async stop(): Promise<void> {
    this.#client.disconnect()
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    await exited
  }
}

/** Reads what `redis-benchmark -t set,get --csv` says. */
export function parseBenchmark(csv: string): { put: number; get: number } {
  const rateOf = (test: string): number => {
    const rate = Number(new RegExp(`^"${test}","([\\d.]+)"`, 'm').exec(csv)?.[1])
    if (Number.isNaN(rate)) throw new Error(`redis-benchmark told no rate of ${test}: ${csv}`)
    return rate
  }
  return { put: rateOf('SET'), get: rateOf('GET') }
}

/** False where there is no such program. */
function isReady(child: ChildProcess): Promise<boolean> {
  return new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? resolve(false) : reject(error)))
    child.once('exit', () => reject(new Error('redis-server ended before it was ready')))
    let said = ''
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (said.includes('Ready to accept connections')) resolve(true)
    })
  })
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
