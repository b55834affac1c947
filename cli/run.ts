import { CommanderError } from 'commander'
import { Exit, exitCodes } from './exit.ts'
import { type Failure, failureOf, shown } from './failure.ts'
import { buildProgram, failureFlags } from './program.ts'
import type { Io } from './session.ts'

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
  const complain = (failure: Failure): void => void io.stderr.write(shown(failure, failureFlags(args)))
  try {
    await buildProgram(io, complain).parseAsync(args, { from: 'user' })
    return exitCodes.done
  } catch (error) {
    // Whoever has interrupted it knows why it failed.
    if (io.signal.reason instanceof Interrupted) return io.signal.reason.exitCode
    if (error instanceof Exit) {
      if (error.cause !== undefined) complain(failureOf(error.cause))
      return error.exitCode
    }
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUsage
    complain(failureOf(error))
    return exitCodes.failed
  }
}
