import type { Registry } from 'prom-client'
import { formatSize } from '../protocol/units.ts'
import type { Log } from '../server/log.ts'
import { counter } from '../server/metrics.ts'
import type { FromObject } from './action-thread.ts'
import type { Slots } from './slots.ts'

/** Takes what objects log, and let go uncaught, to the server's log and to those who follow them. */
export class ObjectReports {
  readonly #slots: Slots
  readonly #log: Log
  #uncaught = 0
  #droppedLines = 0
  #droppedBytes = 0
  #unknown = 0

  constructor(slots: Slots, log: Log) {
    this.#slots = slots
    this.#log = log
  }

  register(metrics: Registry): void {
    const lines = 'Lines of actions beyond their rate.'
    counter(metrics, 'glider_action_uncaught_errors_total', 'Errors of user code that nobody caught.', () => this.#uncaught)
    counter(metrics, 'glider_unknown_messages_total', 'Messages of threads that make no sense.', () => this.#unknown)
    counter(metrics, 'glider_action_log_dropped_lines_total', lines, () => this.#droppedLines)
    counter(metrics, 'glider_action_log_dropped_bytes_total', `Bytes of them. ${lines}`, () => this.#droppedBytes)
  }

  readonly unknown = (): void => {
    this.#unknown += 1
  }

  readonly said = (thread: number, told: FromObject): void => {
    const { id, path, at, operation } = told
    const { level, message, details } = this.#lineOf(told)
    const also = { ...(operation !== undefined && { operation }), ...(details && { details }) }
    // Beside the path, never in its place: details often have a path of their own.
    this.#log[level]({ thread, path, ...also }, message)
    this.#slots.logOf(id)?.add({ level, message, at, ...also })
  }

  #lineOf(told: FromObject): Pick<FromObject & { type: 'log' }, 'level' | 'message' | 'details'> {
    switch (told.type) {
      case 'log':
        return told
      case 'uncaught':
        this.#uncaught += 1
        return { level: 'error', message: `user code let an error go uncaught: ${told.error}` }
      case 'dropped': {
        const { lines, bytes, errors } = told
        this.#uncaught += errors
        this.#droppedLines += lines
        this.#droppedBytes += bytes
        const which = errors > 0 ? ` (${errors} of the lines were uncaught errors)` : ''
        return { level: 'warn', message: `logged too fast: ${lines} lines, ${formatSize(bytes)}, were dropped${which}` }
      }
    }
  }
}
