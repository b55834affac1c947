import { describeClasses } from '../../actions/inspect.ts'
import { GliderError } from '../../protocol/errors.ts'
import type { InspectResult, InspectTask } from '../messages.ts'
import { redirectConsole } from './console.ts'

/** Loads a module and tells its action classes, in a thread that is thrown away afterwards. */
export async function inspect({ module }: InspectTask): Promise<InspectResult> {
  redirectConsole(() => {})
  process.setSourceMapsEnabled(true)
  try {
    const loaded = (await import(module)) as object
    return { classes: describeClasses(loaded) }
  } catch (error) {
    return { error: describe(error).toWire() }
  }
}

function describe(error: unknown): GliderError {
  if (error instanceof GliderError) return error
  const where = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return new GliderError('INVALID_ARGUMENT', `the bundle cannot be loaded: ${where.split('\n').slice(0, 6).join('\n')}`, {
    cause: error,
  })
}
