import type { Clock, Randomness } from '../protocol/clock.ts'
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
import { LeaseTable } from './lease-table.ts'
import { Leases } from './leases.ts'
import { Membership } from './membership.ts'
import { Namespace } from './namespace.ts'
import { Objects } from './objects.ts'
import { type MetadataStats, Operations } from './operations.ts'
import { Orphans } from './orphans.ts'
import { Reaper } from './reaper.ts'
import { SlotSpaces } from './slots.ts'
import { BlockSpaces } from './spaces.ts'
import { Totals } from './totals.ts'
import { Tree } from './tree.ts'
import { Values } from './values.ts'

export interface MetadataServerOptions {
  readonly clock: Clock
  readonly randomness: Randomness
  readonly log: Log
  readonly config?: Partial<MetadataConfig>
}

/** Wires the parts of the metadata server together. It listens to nothing by itself: see {@link MetadataServer.bind}. */
export class MetadataServer {
  readonly config: MetadataConfig
  /** What the REST face calls. */
  readonly operations: Operations
  readonly #membership: Membership
  readonly #answers: Answers
  readonly #leases: Leases

  constructor({ clock, randomness, log, config: given = {} }: MetadataServerOptions) {
    const config = verifyConfig(given)
    const totals = new Totals()
    const generations = new Generations(clock.wallTime())
    const frees = new Frees(clock, config.freeDelayMs, log)
    const blocks = new BlockSpaces(config.storageClasses, config.blockBytes, generations, frees)
    const slots = new SlotSpaces(generations, log)
    const tree = new Tree(() => clock.wallTime(), blocks.defaultOrder)
    const { bundleBytes, inspectTimeoutMs } = config
    const definitions = new Definitions({ slots, log, bundleBytes, inspectTimeoutMs })
    const objects = new Objects({ tree, slots, definitions, log })
    const stopObject = objects.stopDeleted.bind(objects)
    const table = new LeaseTable()
    const reaper = new Reaper({ clock, tree, blocks, totals, leases: table, stopObject })
    const leases = new Leases({ clock, tree, table, reaper, log })
    const claims = new Claims(randomness, reaper)
    const contents = new Contents({ limits: config, reaper, totals })
    const writes = new FileWrites({ tree, blocks, claims, contents, totals })
    const exchange = new BlockExchange(claims, blocks, reaper)
    const values = new Values({ tree, blocks, claims, contents })
    const reads = new FileReads(tree, config.blockBytes)
    const bags = new BagReads(tree, config.blockBytes)
    const namespace = new Namespace({ tree, blocks, slots, reaper, leases })
    const membership = new Membership({ config, clock, log, blocks, slots, frees })
    const answers = new Answers(clock, config)
    const orphans = new Orphans(frees)
    const fsck = new Fsck({ clock, log, tree, claims, blocks, reaper, generations, membership, orphans })
    const files = { namespace, leases, reads, writes, exchange, values, bags }
    this.operations = new Operations({ tree, totals, blocks, slots, ...files, objects, definitions, membership, fsck, answers })
    this.config = config
    this.#membership = membership
    this.#answers = answers
    this.#leases = leases
  }

  /** Answers the operations of the catalogue that are the metadata server's. */
  bind(handlers: Handlers): void {
    this.operations.bind(handlers)
  }

  stats(): MetadataStats {
    return this.operations.stats()
  }

  stop(): void {
    this.#membership.stop()
    this.#answers.stop()
    this.#leases.stop()
  }
}
