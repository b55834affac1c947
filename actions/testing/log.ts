import type { Log } from '../action.ts'

export interface LoggedMessage {
  readonly level: keyof Log
  readonly message: string
  readonly details?: object
}

/** A log that keeps what it is told. */
export function recordingLog(): { log: Log; logged: readonly LoggedMessage[] } {
  const logged: LoggedMessage[] = []
  const keep =
    (level: keyof Log) =>
    (message: string, details?: object): void => {
      logged.push({ level, message, ...(details && { details }) })
    }
  return { log: { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') }, logged }
}
