import type { ClassInfo } from '../protocol/catalogue.ts'

/** A named class in one version of a bundle. */
export interface Definition {
  readonly bundle: string
  readonly class: string
  readonly version: string
  /** What the class says of its objects; unknown of one that was made at an earlier start. */
  readonly config?: ClassConfig
}

export type ClassConfig = Pick<ClassInfo, 'interleaved' | 'turnTimeoutMs' | 'memoryBytes'>
