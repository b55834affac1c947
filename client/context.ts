import type { Origin } from '../protocol/origin.ts'
import type { ActionLinks } from './action-links.ts'
import type { BlockIo } from './block-io.ts'
import type { Connections } from './connections.ts'
import type { TransferCounters } from './counters.ts'
import type { InlineLimit } from './inline-limit.ts'
import type { Leases } from './leases.ts'
import type { MetadataClient } from './metadata.ts'
import type { ClientTracing } from './tracing.ts'

/** What the parts of one StoreClient share. */
export interface ClientContext {
  readonly metadata: MetadataClient
  readonly connections: Connections
  readonly blocks: BlockIo
  readonly leases: Leases
  readonly links: ActionLinks
  readonly counters: TransferCounters
  readonly inline: InlineLimit
  /** Inside an action: that of what this client does now. */
  readonly origin: () => Origin
  /** Where operations are followed. */
  readonly tracing: ClientTracing | undefined
}

/** An action node, and what it is called. */
export interface ActionTarget {
  readonly node: number
  readonly path: string
}

/** A node by its name, or by what it is whatever it is called by now; or the keyvalue under a key of such a table. */
export type Target = { readonly path: string } | { readonly node: number; readonly key?: string }
