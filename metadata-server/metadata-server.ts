import type { Clock, Randomness } from '../protocol/clock.ts'
import type { GliderError } from '../protocol/errors.ts'
import type { Handlers } from '../protocol/peer.ts'
import type { Log } from '../server/log.ts'
import { Answers } from './answers.ts'
import { BagReads } from './bag-reads.ts'
import { BlockExchange } from './block-exchange.ts'
import { Claims } from './claims.ts'
import { type MetadataConfig, verifyConfig } from './config.ts'
import { Contents } from './contents.ts'
import { Definitions } from './definitions.ts'
import { FileReads } from './file-reads.ts'
import { FileWrites } from './file-writes.ts'
import { Frees } from './frees.ts'
import { Fsck } from './fsck.ts'
import { Generations } from './generations.ts'
import { type Journal, noJournal } from './journal/journal.ts'
import { type JournalHead, restore, type SavedState } from './journal/restore.ts'
import { LeaseTable } from './lease-table.ts'
import { Leases } from './leases.ts'
import { Membership } from './membership.ts'
import { Namespace } from './namespace.ts'
import { Objects } from './objects.ts'
import { type MetadataStats, Operations } from './operations.ts'
import { Orphans } from './orphans.ts'
import { Reaper } from './reaper.ts'
import { Recovery } from './recovery.ts'
import { SlotSpaces } from './slots.ts'
import { BlockSpaces } from './spaces.ts'
import { Totals } from './totals.ts'
import { firstId, Tree } from './tree.ts'
import { Values } from './values.ts'

export interface MetadataServerOptions {
  readonly clock: Clock
  readonly randomness: Randomness
  readonly log: Log
  readonly config?: Partial<MetadataConfig>
  /** The journal, with what an earlier start has left in it; nothing is written to disk without it. */
  readonly saved?: SavedState
}

/** Wires the parts of the metadata server together. It listens to nothing by itself: see {@link MetadataServer.bind}. */
export class MetadataServer {
  readonly config: MetadataConfig
  /** What the REST face calls. */
  readonly operations: Operations
  readonly #membership: Membership
  readonly #answers: Answers
  readonly #leases: Leases
  readonly #claims: Claims

  constructor({ clock, randomness, log, config: given = {}, saved }: MetadataServerOptions) {
    const config = verifyConfig(given)
    const { blockBytes, storageClasses, freeDelayMs: delayMs, bundleBytes, inspectTimeoutMs } = config
    const nowMs = clock.wallTime()
    const fresh: JournalHead = { epoch: nowMs, root: { id: firstId(nowMs), createdAt: nowMs }, blockBytes }
    const { epoch, root } = saved?.begin(fresh) ?? fresh
    const journal: Journal = saved ?? noJournal
    const totals = new Totals()
    const generations = new Generations(epoch)
    const frees = new Frees({ clock, delayMs, log, journal })
    const blocks = new BlockSpaces(storageClasses, blockBytes, generations, frees)
    const slots = new SlotSpaces(generations, log)
    const tree = new Tree({ wallTime: () => clock.wallTime(), journal, order: blocks.orders.default, root })
    const definitions = new Definitions({ slots, log, journal, bundleBytes, inspectTimeoutMs })
    const objects = new Objects({ tree, slots, definitions, log, journal })
    const stopObject = objects.stopDeleted.bind(objects)
    const table = new LeaseTable(journal, firstId(nowMs))
    const reaper = new Reaper({ clock, tree, blocks, totals, leases: table, stopObject, journal })
    const leases = new Leases({ clock, tree, table, reaper, log })
    const claims = new Claims({ clock, randomness, reaper, journal })
    const contents = new Contents({ limits: config, reaper, totals, journal })
    const writes = new FileWrites({ tree, blocks, claims, contents })
    const exchange = new BlockExchange(claims, blocks, reaper)
    const values = new Values({ tree, blocks, claims, contents })
    const reads = new FileReads(tree, blockBytes)
    const bags = new BagReads(tree, blockBytes)
    const namespace = new Namespace({ tree, blocks, reaper, leases })
    const orphans = new Orphans(frees)
    const recovery = new Recovery(orphans, slots, log)
    const membership = new Membership({ config, clock, log, blocks, slots, frees, recovery, journal })
    const answers = new Answers(clock, config, journal)
    if (saved) {
      restore(saved, { tree, blocks, slots, totals, reaper, objects, definitions, leases, claims, membership, answers })
    }
    const fsck = new Fsck({ clock, log, tree, claims, blocks, reaper, generations, membership, orphans })
    const files = { namespace, leases, reads, writes, exchange, values, bags }
    const state = { tree, totals, blocks, slots, claims, journal }
    this.operations = new Operations({ ...state, ...files, objects, definitions, membership, fsck, answers })
    this.config = config
    this.#membership = membership
    this.#answers = answers
    this.#leases = leases
    this.#claims = claims
  }

  /** Answers the operations of the catalogue that are the metadata server's. */
  bind(handlers: Handlers): void {
    this.operations.bind(handlers)
  }

  /** Begins nothing more. */
  drain(why: GliderError): void {
    this.operations.drain(why)
  }

  stats(): MetadataStats {
    return this.operations.stats()
  }

  stop(): void {
    this.#membership.stop()
    this.#answers.stop()
    this.#leases.stop()
    this.#claims.stop()
  }
}
