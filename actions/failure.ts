import { inspect } from 'node:util'
import type { Clock, Timer } from '../protocol/clock.ts'
import { GliderError, reasonOf } from '../protocol/errors.ts'
import { MAX_CALL_BYTES, toJson } from '../protocol/json.ts'
import type { TurnScope } from './scope.ts'

/** How long a hook may take to settle once its stream, or its object, has been aborted. */
export const SETTLE_MS = 5_000

/** Error heads have a limit on the wire, and nobody reads more. */
const MAX_MESSAGE_CHARS = 4_096
const MAX_STACK_CHARS = 16_384

/** What user code threw, as the other side gets it: with the message and the stack of the user's error. */
export function actionFailed(what: string, thrown: unknown): GliderError {
  const happened = (unsendable.has(thrown as object) ? '' : 'threw: ') + cut(shown(thrown, messageOf))
  const error = new GliderError('ACTION_FAILED', `${what} ${happened}`, { cause: thrown })
  const stack = shown(thrown, stackOf)
  if (stack !== '') error.stack = stack.slice(0, MAX_STACK_CHARS)
  return error
}

/** Errors for results of calls that cannot go back to their caller: nobody threw them. */
const unsendable = new WeakSet<object>()

/** The result of a call as it travels. */
export function resultJson(value: unknown): string {
  try {
    return toJson(value, MAX_CALL_BYTES)
  } catch (cause) {
    const remedy = 'return arrays, plain objects, strings, finite numbers, booleans or null, and what is large by a stream'
    const error = new TypeError(`returned what cannot go back as JSON: ${shown(cause, messageOf)}: ${remedy}`, { cause })
    unsendable.add(error)
    throw error
  }
}

/** What user code let go uncaught, for a log: with its stack, where it has one. */
export function describeThrown(thrown: unknown): string {
  return shown(thrown, stackOf) || shown(thrown, messageOf)
}

/** Looking at what was thrown may run code of its own, which throws in turn: that is no reason to fail here. */
function shown(thrown: unknown, look: (thrown: unknown) => string): string {
  try {
    return look(thrown)
  } catch {
    return reasonOf(thrown)
  }
}

function messageOf(thrown: unknown): string {
  if (thrown instanceof GliderError) return `${thrown.code}: ${thrown.message}`
  if (!(thrown instanceof Error)) return inspect(thrown)
  const { code, permission, resource } = thrown as Partial<Record<'code' | 'permission' | 'resource', unknown>>
  // Node's own message does not say what was refused.
  const refused = code === 'ERR_ACCESS_DENIED' ? ` (${[code, permission, resource].filter(Boolean).join(' ')})` : ''
  return `${String(thrown.message)}${refused}`
}

/** Empty where there is none. */
function stackOf(thrown: unknown): string {
  const stack: unknown = thrown instanceof Error ? thrown.stack : undefined
  return typeof stack === 'string' ? stack : ''
}

function cut(text: string): string {
  return text.length > MAX_MESSAGE_CHARS ? `${text.slice(0, MAX_MESSAGE_CHARS)}…` : text
}

/**
 * As `work`; but once `scope` has been aborted it has SETTLE_MS to settle, then it is given up: it may still run, but nobody
 * waits for it any more.
 */
export function withGrace<T>(work: Promise<T>, scope: TurnScope, clock: Clock, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: Timer | undefined
    const off = scope.onAbort(() => {
      timer = clock.after(SETTLE_MS, () => {
        reject(new GliderError('ACTION_FAILED', `${what} did not settle within ${SETTLE_MS / 1000} s of being aborted`))
      })
    })
    const done = (): void => {
      off()
      timer?.cancel()
    }
    work.then(
      value => {
        done()
        resolve(value)
      },
      error => {
        done()
        reject(error)
      },
    )
  })
}
