import { destination, type Logger, pino } from 'pino'

/** What the parts of a server write their log to. */
export interface Log {
  debug(details: object, message: string): void
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** Structured lines on stderr: stdout is for what a program answers. */
export function createLog(name: string, level: LogLevel): Logger {
  return pino({ name, level, base: { role: name } }, destination({ dest: 2, sync: true }))
}
