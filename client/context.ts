import type { ActionLinks } from './action-links.ts'
import type { BlockIo } from './block-io.ts'
import type { Connections } from './connections.ts'
import type { TransferCounters } from './counters.ts'
import type { InlineLimit } from './inline-limit.ts'
import type { Leases } from './leases.ts'
import type { MetadataClient } from './metadata.ts'

/** What the parts of one StoreClient share. */
export interface ClientContext {
  readonly metadata: MetadataClient
  readonly connections: Connections
  readonly blocks: BlockIo
  readonly leases: Leases
  readonly links: ActionLinks
  readonly counters: TransferCounters
  readonly inline: InlineLimit
  /** Inside an action: the serial objects whose turns wait for what this client does now. */
  readonly chain: () => readonly string[]
}

/** A node by its name, or by what it is whatever it is called by now; or the keyvalue under a key of such a table. */
export type Target = { readonly path: string } | { readonly node: number; readonly key?: string }
