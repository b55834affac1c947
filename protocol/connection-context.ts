import type { Clock } from './clock.ts'
import { atLimit, type Limits, verifyLimits } from './limits.ts'
import { Meter } from './meter.ts'
import type { Backlog } from './send-queue.ts'
import { SlabPool } from './slab.ts'
import { Spinner } from './spinner.ts'
import { PROCESS_WINDOW_BYTES, WindowBudget } from './window.ts'

/** What the connections of one process share. */
export interface ConnectionContext {
  readonly clock: Clock
  readonly slabs: SlabPool
  readonly budget: WindowBudget
  readonly limits: Limits
  /** What waits to leave on all of them. */
  readonly backlog: Backlog
  /** Where the process is to be awake when something comes, at the cost of some CPU. */
  readonly spinner: Spinner | undefined
  /** Of servers: counts what they are asked for. */
  readonly meter: Meter | undefined
}

export interface ContextOptions {
  readonly spin?: boolean | undefined
  /** Whether what comes in is counted. @default false */
  readonly metered?: boolean | undefined
  readonly limits?: Partial<Limits> | undefined
}

/** @throws GliderError INVALID_ARGUMENT for limits that make no sense */
export function connectionContext(clock: Clock, options: ContextOptions = {}): ConnectionContext {
  const spinner = options.spin ? new Spinner(clock) : undefined
  const limits = verifyLimits(options.limits)
  const { bufferBytes: bytes } = limits
  const growth = Math.min(PROCESS_WINDOW_BYTES, bytes / 2)
  const budget = new WindowBudget(growth, undefined, { bytes, refusal: () => atLimit('bufferBytes', limits) })
  const meter = options.metered ? new Meter(clock) : undefined
  return { clock, slabs: new SlabPool(), budget, limits, backlog: { bytes: 0 }, spinner, meter }
}
