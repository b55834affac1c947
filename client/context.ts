import type { BlockIo } from './block-io.ts'
import type { Connections } from './connections.ts'
import type { TransferCounters } from './counters.ts'
import type { MetadataClient } from './metadata.ts'

/** What the parts of one StoreClient share. */
export interface ClientContext {
  readonly metadata: MetadataClient
  readonly connections: Connections
  readonly blocks: BlockIo
  readonly counters: TransferCounters
  /** Inside an action: the serial objects whose turns wait for what this client does now. */
  readonly chain: () => readonly string[]
}

/** A node by its name, or by what it is whatever it is called by now. */
export type Target = { readonly path: string } | { readonly node: number }
