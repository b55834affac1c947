import { CommanderError } from 'commander'
import { GliderError } from '../client/index.ts'
import { Exit } from './exit.ts'
import { buildProgram } from './program.ts'
import type { Io } from './session.ts'
import { printable } from './table.ts'

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
  try {
    await buildProgram(io).parseAsync(args, { from: 'user' })
    return exitCodes.done
  } catch (error) {
    // Whoever has interrupted it knows why it failed.
    if (io.signal.reason instanceof Interrupted) return io.signal.reason.exitCode
    if (error instanceof Exit) return error.exitCode
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUsage
    io.stderr.write(`${oneLine(error)}\n`)
    return exitCodes.failed
  }
}

/** `glider: CODE: message`, whatever was thrown. */
export function oneLine(error: unknown): string {
  const { code, message } = error instanceof GliderError ? error : ownOf(error)
  return `glider: ${code}: ${flat(message)}`
}

/** What Node says of a file of this machine has a code and begins with it; anything else is a defect. */
function ownOf(error: unknown): { code: string; message: string } {
  if (!(error instanceof Error)) return { code: 'INTERNAL', message: String(error) }
  const { code, syscall } = error as NodeJS.ErrnoException
  if (code === undefined || syscall === undefined) return { code: 'INTERNAL', message: error.message }
  return { code, message: error.message.startsWith(`${code}: `) ? error.message.slice(code.length + 2) : error.message }
}

export function flat(message: string): string {
  return printable(message.trim().replace(/\s*[\r\n]+\s*/g, '; '))
}
