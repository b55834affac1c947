/** Runs the command within the test's own process, with streams that are looked at afterwards. */
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { LocalCluster, type LocalClusterOptions } from '../cluster/index.ts'
import { run } from './run.ts'

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly bytes: Buffer
}

export interface RunOptions {
  readonly stdin?: Readable | string | Buffer
  readonly signal?: AbortSignal
  /** Called once something has been printed, for commands that go on. */
  readonly onOutput?: () => void
}

export async function runCommand(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { stdin = '', signal = new AbortController().signal, onOutput } = options
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const [out, err] = [buffer(stdout), buffer(stderr)]
  if (onOutput) stdout.once('data', onOutput)
  const input = stdin instanceof Readable ? stdin : Readable.from([Buffer.from(stdin)], { objectMode: false })
  const code = await run(args, { stdin: input, stdout, stderr, signal })
  stdout.end()
  stderr.end()
  const bytes = await out
  return { code, stdout: bytes.toString(), stderr: (await err).toString(), bytes }
}

/** A small cluster, and the command against it. */
export class CommandCluster {
  readonly cluster: LocalCluster

  private constructor(cluster: LocalCluster) {
    this.cluster = cluster
  }

  static async start(options: LocalClusterOptions = {}): Promise<CommandCluster> {
    return new CommandCluster(await LocalCluster.start({ inProcess: true, capacity: '8MiB', slots: 2, threads: 1, ...options }))
  }

  /** @throws where it does not exit 0 */
  async glider(args: readonly string[], options?: RunOptions): Promise<string> {
    const { code, stdout, stderr } = await this.try(args, options)
    if (code !== 0) throw new Error(`glider ${args.join(' ')}: exit ${code}: ${stderr}`)
    return stdout
  }

  try(args: readonly string[], options?: RunOptions): Promise<Outcome> {
    return runCommand(['--address', this.cluster.address, ...args], options)
  }

  /** The tree and the servers agree to the end. */
  async stop(): Promise<void> {
    try {
      await this.glider(['fsck'])
    } finally {
      await this.cluster.stop()
    }
  }
}
