import { GliderError } from '../protocol/errors.ts'
import { isClassName } from '../protocol/storage-class.ts'

export interface MetadataConfig {
  /** Size of a block on every storage server. @default 1 MiB */
  readonly blockBytes: number
  /** Storage classes in the order in which a full one falls back to the next. @default ['dram', 'disk'] */
  readonly storageClasses: readonly string[]
  /** A server that has given no sign of life for so long is dead. @default 5000 */
  readonly deadAfterMs: number
  /** How often the silence of servers is measured. @default 500 */
  readonly sweepMs: number
  /** Freed blocks reach their servers within this time. @default 50 */
  readonly freeDelayMs: number
  /** How long the answer to a changing operation is kept for a repeat. @default 10 minutes */
  readonly keepAnswersMs: number
  /** Kept answers per client; beyond it the oldest goes. @default 4096 */
  readonly keepAnswersPerClient: number
  /** The same for all clients of a namespace, each of whom counts as one more; beyond it those of the client go that was not heard of for longest. @default 262144 */
  readonly keepAnswersPerNamespace: number
  /** Files and keyvalues up to this size travel with the metadata and are kept with it; 0 for none. @default 4 KiB */
  readonly inlineBytes: number
  /** Memory for what is kept so; beyond it, it goes to blocks. @default 256 MiB */
  readonly inlineBudgetBytes: number
  /** Largest bundle. @default 16 MiB */
  readonly bundleBytes: number
  /** How long an active server may take to load a bundle that is being deployed. @default 60000 */
  readonly inspectTimeoutMs: number
}

export const defaultConfig: MetadataConfig = {
  blockBytes: 1 << 20,
  storageClasses: ['dram', 'disk'],
  deadAfterMs: 5000,
  sweepMs: 500,
  freeDelayMs: 50,
  keepAnswersMs: 10 * 60_000,
  keepAnswersPerClient: 4096,
  keepAnswersPerNamespace: 262_144,
  inlineBytes: 4 << 10,
  inlineBudgetBytes: 256 << 20,
  bundleBytes: 16 << 20,
  inspectTimeoutMs: 60_000,
}

/** Smaller blocks cost more to keep account of than they hold, and one is a single buffer of its server. */
export const LEAST_BLOCK_BYTES = 4 << 10
export const MOST_BLOCK_BYTES = 1 << 30

/** What clients put without knowing the limit travels in vain where it is over it, so the limit has one itself. */
export const MOST_INLINE_BYTES = 64 << 10

/** @throws GliderError INVALID_ARGUMENT */
export function verifyConfig(given: Partial<MetadataConfig>): MetadataConfig {
  const config = Object.freeze({ ...defaultConfig, ...given })
  for (const [name, value] of Object.entries(config)) {
    const least = name.startsWith('inline') ? 0 : 1
    if (typeof value === 'number' && !(Number.isSafeInteger(value) && value >= least))
      throw wrong(name, `must be a whole number from ${least}`)
  }
  if (config.inlineBytes > MOST_INLINE_BYTES) throw wrong('inlineBytes', `must not be above ${MOST_INLINE_BYTES}`)
  const classes = new Set(config.storageClasses)
  if (classes.size === 0 || classes.size < config.storageClasses.length)
    throw wrong('storageClasses', 'must name each class once')
  const wrongName = config.storageClasses.find(name => !isClassName(name))
  if (wrongName !== undefined)
    throw wrong('storageClasses', `cannot hold ${JSON.stringify(wrongName)}: that is no name of a class, as dram is`)
  if (classes.has('active')) throw wrong('storageClasses', 'cannot hold active: that class has slots, not blocks')
  return config
}

/** What the options are called on the command line. */
const flags: Readonly<Record<string, string>> = {
  blockBytes: '--block-size',
  storageClasses: '--classes',
  deadAfterMs: '--dead-after',
  inlineBytes: '--inline-limit',
  inlineBudgetBytes: '--inline-budget',
}

function wrong(name: string, why: string): GliderError {
  const flag = flags[name]
  return new GliderError('INVALID_ARGUMENT', `the option ${name}${flag ? ` (${flag})` : ''} ${why}`)
}
