import { CommanderError } from 'commander'
import { Exit } from './exit.ts'
import { type Failure, failureOf, shown } from './failure.ts'
import { buildProgram, globalFlags } from './program.ts'
import type { Io } from './session.ts'

export const exitCodes = { done: 0, failed: 1, wrongUsage: 2 } as const

/** Why a command ends before its end: the reason of the signal that it runs under. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  /** 128 and the number of the signal, as shells have it. */
  readonly exitCode: number

  constructor(exitCode: number) {
    super('interrupted')
    this.exitCode = exitCode
  }
}

/** Runs one command line, without the names of program and script, and answers the exit code. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const complain = (failure: Failure): void => void io.stderr.write(shown(failure, globalFlags(args)))
  try {
    await buildProgram(io, complain).parseAsync(args, { from: 'user' })
    return exitCodes.done
  } catch (error) {
    // Whoever has interrupted it knows why it failed.
    if (io.signal.reason instanceof Interrupted) return io.signal.reason.exitCode
    if (error instanceof Exit) return error.exitCode
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUsage
    complain(failureOf(error))
    return exitCodes.failed
  }
}
