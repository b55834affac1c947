/** What a client process is told, and what it answers. */
import type { Direction, Kind } from '../size/kinds.ts'

export interface ClientSetup {
  readonly address: string
  /** Its own file and its own action objects go by this number. */
  readonly client: number
  readonly fileBytes: number
  readonly opBytes: number
  readonly batch: number
}

export interface ClientTask {
  readonly direction: Direction
  readonly kind: Kind
  readonly operations: number
}

export type ClientAnswer = { readonly error?: string }
