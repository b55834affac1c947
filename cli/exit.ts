import { GliderError } from '../client/index.ts'

/** Those of commands that are run for somebody are theirs; the last two are what shells have for one that cannot be run. */
export const exitCodes = { done: 0, failed: 1, wrongUsage: 2, notRunnable: 126, noSuchCommand: 127 } as const

/** Ends a command with an exit code of its own. */
export class Exit extends Error {
  override readonly name = 'Exit'
  readonly exitCode: number

  /** @param cause what the user is still to be told; without one, all has been said */
  constructor(exitCode: number, cause?: unknown) {
    super(`exit ${exitCode}`, cause === undefined ? undefined : { cause })
    this.exitCode = exitCode
  }
}

/** The command line makes no sense, although each of its flags may. */
export function wrongUsage(message: string, cause?: unknown): Exit {
  return new Exit(exitCodes.wrongUsage, new GliderError('INVALID_ARGUMENT', message, { cause }))
}
