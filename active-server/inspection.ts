import { Piscina } from 'piscina'
import type { ClassInfo } from '../protocol/catalogue.ts'
import type { Clock } from '../protocol/clock.ts'
import { GliderError } from '../protocol/errors.ts'
import type { InspectResult, InspectTask } from './messages.ts'

const INSPECTION_MS = 10_000

/**
 * Loads a module in a thread of its own, which is thrown away, and tells its Action classes.
 * @param file what was deployed; refusals begin with it, or with another of its sources, with line and column
 * @throws GliderError INVALID_ARGUMENT where it has none, does not load, or does not come to an end of loading
 */
export async function inspectModule(module: string, file: string, clock: Clock): Promise<ClassInfo[]> {
  const pool = new Piscina<InspectTask, InspectResult>({
    filename: new URL('./thread/inspect.js', import.meta.url).href,
    name: 'inspect',
    minThreads: 1,
    maxThreads: 1,
  })
  const abort = new AbortController()
  const timer = clock.after(INSPECTION_MS, () => abort.abort())
  try {
    const result = await pool.run({ module, file }, { signal: abort.signal })
    if ('error' in result) throw GliderError.fromWire(result.error)
    return result.classes
  } catch (error) {
    if (error instanceof GliderError) throw error
    const why = abort.signal.aborted ? `loading it takes longer than ${INSPECTION_MS / 1000} s` : (error as Error).message
    throw new GliderError('INVALID_ARGUMENT', `${file}:1:1: the bundle cannot be loaded: ${why}`, { cause: error })
  } finally {
    timer.cancel()
    await pool.destroy()
  }
}
