import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { type Command, Option } from 'commander'
import type { Lease } from '../client/index.ts'
import { Exit, exitCodes } from './exit.ts'
import { duration } from './flags.ts'
import type { Io, Output, Session } from './session.ts'

interface LeaseFlags {
  readonly ttl: number
  readonly keep?: boolean
}

/** Leases: `lease`. */
export function addLeaseCommands(program: Command, session: Session): void {
  program
    .command('lease')
    .description('let a node live only while this command runs, or the one that it is given behind --')
    .argument('<path>', 'the node')
    .argument('[command...]', 'what to run, behind --; its exit code is that of glider')
    .addOption(
      new Option('--ttl <time>', 'how long the node lives without us: 30s, 10m').argParser(duration).default(30_000, '30s'),
    )
    .option('--keep', 'let the node live on when the command has exited with 0')
    .action((path: string, command: string[], flags: LeaseFlags) => hold(session, path, command, flags))
}

async function hold(
  session: Session,
  path: string,
  command: readonly string[],
  { ttl, keep = false }: LeaseFlags,
): Promise<void> {
  const { io } = session
  await session.withStore(async (store, call) => {
    const lease = await store.lease(path, { ttlMs: ttl, ...call })
    const [program, ...args] = command
    if (program === undefined) {
      session.answer({ path: lease.path, ttlMs: lease.ttlMs }, () => [
        `${lease.path} lives while this runs; without it, ${lease.ttlMs} ms more`,
      ])
      await ended(io, lease)
      return
    }
    const code = await runUnder(io, lease, program, args)
    if (code === 0 && keep) await lease.release()
    if (code !== 0) throw new Exit(code)
  })
}

/** Resolves when the user says so. */
async function ended({ signal }: Io, lease: Lease): Promise<void> {
  const either = AbortSignal.any([signal, lease.signal])
  if (!either.aborted) await once(either, 'abort')
  if (!signal.aborted) throw lease.signal.reason
}

/** Answers the exit code of the command, which is ended when the user says so, or the lease is lost. */
async function runUnder(io: Io, lease: Lease, program: string, args: readonly string[]): Promise<number> {
  // The real ones as they are, so that the command has its terminal.
  const inherited = (stream: Output, real: Output): 'inherit' | 'pipe' => (stream === real ? 'inherit' : 'pipe')
  const stdio = ['inherit', inherited(io.stdout, process.stdout), inherited(io.stderr, process.stderr)] as const
  const child: ChildProcess = spawn(program, args, { stdio: [...stdio] })
  child.stdout?.pipe(io.stdout, { end: false })
  child.stderr?.pipe(io.stderr, { end: false })
  const either = AbortSignal.any([io.signal, lease.signal])
  const stop = (): void => void child.kill('SIGTERM')
  either.addEventListener('abort', stop, { once: true })
  if (either.aborted) stop()
  try {
    // Rejects where it cannot be started.
    const [code, signal] = (await once(child, 'close').catch((error: unknown) => {
      throw notRun(error, program)
    })) as [number | null, NodeJS.Signals | null]
    if (lease.signal.aborted && !io.signal.aborted) throw lease.signal.reason
    return code ?? 128 + constants.signals[signal ?? 'SIGTERM']
  } finally {
    either.removeEventListener('abort', stop)
  }
}

function notRun(error: unknown, program: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === undefined) return error
  const isMissing = code === 'ENOENT'
  const why = isMissing ? 'there is no such command: check its name and PATH' : message
  const told = Object.assign(new Error(`cannot run ${program}: ${why}`, { cause: error }), { code, syscall: 'spawn' })
  return new Exit(isMissing ? exitCodes.noSuchCommand : exitCodes.notRunnable, told)
}
