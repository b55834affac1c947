/** A redis-server of our own, in memory only, and what redis-benchmark makes of it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { promisify } from 'node:util'
import { atEnd } from '../at-end.ts'

/** One run of redis-benchmark. */
export interface BenchmarkRun {
  readonly test: 'set' | 'get'
  readonly operations: number
  /** Sent one behind the other over one connection before an answer is waited for. */
  readonly inFlight: number
  readonly valueBytes: number
  readonly keys: number
}

const LEAST_BYTES = 16 << 20

export class RedisServer implements AsyncDisposable {
  readonly port: number
  readonly #process: ChildProcess

  private constructor(process: ChildProcess, port: number) {
    this.#process = process
    this.port = port
  }

  /** Undefined where `redis-server` and `redis-benchmark` are not both on the PATH. */
  static async start(): Promise<RedisServer | undefined> {
    if (!(await isThere('redis-benchmark'))) return undefined
    const port = await freePort()
    const flags = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--daemonize', 'no']
    const child = spawn('redis-server', flags, { stdio: ['ignore', 'pipe', 'inherit'] })
    const calledOff = atEnd(() => child.kill('SIGKILL'))
    child.once('exit', calledOff)
    if (await isReady(child)) return new RedisServer(child, port)
    calledOff()
    return undefined
  }

  /** Operations per second over one connection. */
  async benchmark({ test, operations, inFlight, valueBytes, keys }: BenchmarkRun): Promise<number> {
    const size = ['-d', `${valueBytes}`, '-r', `${keys}`, '-n', `${Math.max(operations, leastOperations(valueBytes))}`]
    const flags = ['-p', `${this.port}`, '-c', '1', '-P', `${inFlight}`, '-t', test, ...size, '--csv']
    const { stdout } = await promisify(execFile)('redis-benchmark', flags)
    return parseBenchmark(test, stdout)
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    await exited
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

/** The key that redis-benchmark makes of a number. */
export function benchmarkKey(index: number): string {
  return `key:${index.toString().padStart(12, '0')}`
}

/** Fewer may be over within a millisecond, which is no time at all on the clock of redis-benchmark. */
function leastOperations(valueBytes: number): number {
  return Math.min(5_000, Math.ceil(LEAST_BYTES / valueBytes))
}

/** Reads what `redis-benchmark --csv` says of one test. */
export function parseBenchmark(test: 'set' | 'get', csv: string): number {
  const rate = Number(new RegExp(`^"${test.toUpperCase()}","([\\d.]+)"`, 'm').exec(csv)?.[1])
  if (Number.isNaN(rate)) throw new Error(`redis-benchmark told no rate of ${test.toUpperCase()}: ${csv}`)
  return rate
}

async function isThere(program: string): Promise<boolean> {
  try {
    await promisify(execFile)(program, ['--version'])
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
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
