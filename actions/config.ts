import { GliderError } from '../protocol/errors.ts'
import { parseDuration, parseSize } from '../protocol/units.ts'
import type { ActionClass } from './action.ts'

/** What a class says about its objects, with its units in the names. */
export interface ActionConfig {
  readonly interleaved?: boolean
  readonly turnTimeoutMs?: number
  readonly memoryBytes?: number
}

/** The checked static configuration of a class. `INVALID_ARGUMENT` names the class and the field. */
export function configOf(Class: ActionClass, name = Class.name): ActionConfig {
  const interleaved: unknown = Class.interleaved
  if (interleaved !== undefined && typeof interleaved !== 'boolean') {
    throw new GliderError('INVALID_ARGUMENT', `static interleaved of ${name} is ${show(interleaved)}: it has to be true or false`)
  }
  const turnTimeoutMs = parsed(Class.turnTimeout, `static turnTimeout of ${name}`, parseDuration)
  const memoryBytes = parsed(Class.memory, `static memory of ${name}`, parseSize)
  return {
    ...(interleaved !== undefined && { interleaved }),
    ...(turnTimeoutMs !== undefined && { turnTimeoutMs }),
    ...(memoryBytes !== undefined && { memoryBytes }),
  }
}

function parsed(value: unknown, what: string, parse: (text: string | number) => number): number | undefined {
  if (value === undefined) return undefined
  try {
    const number = typeof value === 'string' || typeof value === 'number' ? parse(value) : Number.NaN
    if (number >= 1) return number
  } catch (cause) {
    throw new GliderError('INVALID_ARGUMENT', `${what}: ${(cause as Error).message}`, { cause })
  }
  throw new GliderError('INVALID_ARGUMENT', `${what} is ${show(value)}: it has to be more than 0`)
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value)
}
