import { GliderError } from '../protocol/errors.ts'
import type { Limits } from '../protocol/limits.ts'
import { checkClassName } from '../protocol/storage-class.ts'
import { formatSize } from '../protocol/units.ts'
import { memoryBytes } from '../server/memory.ts'
import type { ServerTls } from '../server/tls.ts'
import type { PrefaultChoice } from './prefault.ts'

/** Where a storage server keeps its blocks. */
export const storageKinds = ['dram', 'disk'] as const
export type StorageKind = (typeof storageKinds)[number]

interface CommonConfig {
  readonly host: string
  readonly port: number
  readonly advertise?: string
  /** Of the cluster. */
  readonly secret?: string | undefined
  readonly tls?: ServerTls | undefined
  /** Whether to stay awake for a moment after each request. @default false */
  readonly spin?: boolean | undefined
  /** What it takes on. */
  readonly limits?: Partial<Limits> | undefined
  /** host:port of the metadata server. */
  readonly metadata: string
  /** Room for blocks. */
  readonly capacityBytes: number
  readonly storageClass: string
}

export type StorageServerConfig = CommonConfig &
  ({ readonly kind: 'dram'; readonly prefault: PrefaultChoice } | { readonly kind: 'disk'; readonly dataDir: string })

/** What can be left out: memory, in the class of its kind. */
export interface StorageChoice {
  readonly kind?: StorageKind
  readonly dataDir?: string | undefined
  readonly storageClass?: string | undefined
  /** Of the kind dram: which memory is touched before blocks need it. */
  readonly prefault?: PrefaultChoice | undefined
}

/**
 * @param memory what there is at most for blocks of the kind dram
 * @throws GliderError INVALID_ARGUMENT
 */
export function storageConfig(
  common: Omit<CommonConfig, 'storageClass'>,
  { kind = 'dram', dataDir, storageClass = kind, prefault = 'off' }: StorageChoice,
  memory = memoryBytes(),
): StorageServerConfig {
  checkClassName(storageClass)
  if (storageClass === 'active') {
    throw new GliderError(
      'INVALID_ARGUMENT',
      `a storage server cannot be in the class ${JSON.stringify(storageClass)}: name another`,
    )
  }
  if (kind === 'dram') {
    if (dataDir !== undefined) throw new GliderError('INVALID_ARGUMENT', `a data directory (${dataDir}) is for the kind disk`)
    const { capacityBytes } = common
    if (capacityBytes > memory) {
      const why = `a capacity of ${formatSize(capacityBytes)} is more than the ${formatSize(memory)} of memory that there are`
      throw new GliderError('INVALID_ARGUMENT', `${why}: give less with --capacity, or keep the blocks in files with --kind disk`)
    }
    return { ...common, kind, storageClass, prefault }
  }
  if (dataDir === undefined)
    throw new GliderError('INVALID_ARGUMENT', 'a server of the kind disk needs a directory: give --data-dir')
  return { ...common, kind, dataDir, storageClass }
}
