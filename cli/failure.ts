/** What a command has to say of its failure: one line for people, one JSON object for programs. */
import { GliderError } from '../client/index.ts'
import { inWordsOfCommand } from './remedies.ts'
import { printable } from './table.ts'

export interface Failure {
  /** One of the table of errors; or, for a file of this machine, that of the system. */
  readonly code: string
  readonly message: string
  readonly outcome?: 'unknown'
  /** Id of the operation, where that has one. */
  readonly operation?: string
  /** Where the code of an action threw, or where a defect is. */
  readonly stack?: string
}

export interface FailureFlags {
  readonly json?: boolean
  readonly verbose?: boolean
}

export function failureOf(error: unknown): Failure {
  if (error instanceof GliderError) {
    const { code, message, outcome, operation, stack } = error
    const tells = code === 'ACTION_FAILED' || code === 'INTERNAL'
    return {
      ...{ code, message: inWordsOfCommand(message) },
      ...(outcome && { outcome }),
      ...(operation !== undefined && { operation }),
      ...(tells && stack !== undefined && { stack }),
    }
  }
  return ownOf(error)
}

/** What Node says of a file of this machine has a code and begins with it; anything else is a defect. */
function ownOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { code: 'INTERNAL', message: String(error) }
  const { code, syscall, message, stack } = error as NodeJS.ErrnoException
  if (code === undefined || syscall === undefined) return { code: 'INTERNAL', message, ...(stack !== undefined && { stack }) }
  return { code, message: message.startsWith(`${code}: `) ? message.slice(code.length + 2) : message }
}

/** As it is printed on stderr. */
export function shown(
  { code, message, outcome, operation, stack }: Failure,
  { json = false, verbose = false }: FailureFlags,
): string {
  const told = verbose ? stack : undefined
  if (json) {
    const id = operation !== undefined && { operation }
    return `${JSON.stringify({ error: { code, message, ...(outcome && { outcome }), ...id, ...(told !== undefined && { stack: told }) } })}\n`
  }
  const id = verbose && operation !== undefined ? [`operation ${operation}`] : []
  const lines = [`glider: ${code}: ${flat(message)}`, ...id, ...(told?.split('\n') ?? []).map(printable)]
  return `${lines.join('\n')}\n`
}

function flat(message: string): string {
  return printable(message.trim().replace(/\s*[\r\n]+\s*/g, '; '))
}
