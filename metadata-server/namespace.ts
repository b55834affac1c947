/**
 * One tenant's tree with everything that is its own. Always holds: nothing in here knows the parts of another namespace, so that an
 * id, a claim or a name can only ever mean something of this one.
 */
import type { AnswerOf, catalogue } from '../protocol/catalogue.ts'
import type { Clock, Randomness } from '../protocol/clock.ts'
import type { Log } from '../server/log.ts'
import { Answers } from './answers.ts'
import { BagReads } from './bag-reads.ts'
import { BlockExchange } from './block-exchange.ts'
import { Claims } from './claims.ts'
import type { MetadataConfig } from './config.ts'
import { Contents } from './contents.ts'
import type { Counter } from './counter.ts'
import { Definitions } from './definitions.ts'
import { FileReads } from './file-reads.ts'
import { FileWrites } from './file-writes.ts'
import type { Generations } from './generations.ts'
import type { Journal } from './journal/journal.ts'
import { LeaseTable } from './lease-table.ts'
import { Leases } from './leases.ts'
import { Limits } from './limits.ts'
import type { NamespaceRecord } from './namespace-record.ts'
import { Objects } from './objects.ts'
import { Reaper } from './reaper.ts'
import { SlotSpaces } from './slots.ts'
import type { BlockSpaces } from './spaces.ts'
import { Totals } from './totals.ts'
import { Tree } from './tree.ts'
import { TreeOperations } from './tree-operations.ts'
import { Values } from './values.ts'

/** What all namespaces of a cluster share. */
export interface ClusterParts {
  readonly clock: Clock
  readonly randomness: Randomness
  readonly log: Log
  readonly config: MetadataConfig
  readonly journal: Journal
  readonly generations: Generations
  readonly blocks: BlockSpaces
  readonly totals: Totals
  readonly nodeIds: Counter
  readonly leaseNumbers: Counter
}

export class Namespace {
  readonly record: NamespaceRecord
  readonly tree: Tree
  readonly totals: Totals
  readonly blocks: BlockSpaces
  readonly slots: SlotSpaces
  readonly definitions: Definitions
  readonly objects: Objects
  readonly reaper: Reaper
  readonly leases: Leases
  readonly claims: Claims
  readonly writes: FileWrites
  readonly exchange: BlockExchange
  readonly values: Values
  readonly reads: FileReads
  readonly bags: BagReads
  readonly nodes: TreeOperations
  readonly answers: Answers

  constructor(record: NamespaceRecord, cluster: ClusterParts) {
    const { clock, randomness, log, config, generations, nodeIds } = cluster
    const { blockBytes, bundleBytes, inspectTimeoutMs } = config
    const journal = cluster.journal.of(record.number)
    this.record = record
    this.totals = new Totals(cluster.totals)
    const limits = new Limits(record.name, record.quota)
    this.blocks = cluster.blocks.ofNamespace(record.classes, limits)
    this.slots = new SlotSpaces(generations, log)
    const { totals, blocks, slots } = this
    const order = blocks.orders.default
    this.tree = new Tree({ wallTime: () => clock.wallTime(), journal, ids: nodeIds, limits, order, root: record.root })
    const { tree } = this
    this.definitions = new Definitions({ slots, log, journal, limits, bundleBytes, inspectTimeoutMs })
    this.objects = new Objects({ limits, tree, slots, definitions: this.definitions, log, journal })
    const stopObject = this.objects.stopDeleted.bind(this.objects)
    const table = new LeaseTable(journal, cluster.leaseNumbers)
    this.reaper = new Reaper({ clock, tree, blocks, totals, leases: table, stopObject, journal })
    const { reaper } = this
    this.leases = new Leases({ clock, tree, table, reaper, log })
    this.claims = new Claims({ clock, randomness, reaper, journal, limits })
    const { claims, leases } = this
    const contents = new Contents({ quota: limits, limits: config, reaper, totals, journal })
    this.writes = new FileWrites({ tree, blocks, claims, contents })
    this.exchange = new BlockExchange(claims, blocks, reaper)
    this.values = new Values({ tree, blocks, claims, contents })
    this.reads = new FileReads(tree, blockBytes)
    this.bags = new BagReads(tree, blockBytes)
    this.nodes = new TreeOperations({ tree, blocks, reaper, leases })
    this.answers = new Answers(clock, config, journal, record.number)
  }

  get name(): string {
    return this.record.name
  }

  usage(): AnswerOf<typeof catalogue.usage> {
    const { tree, totals, blocks, slots } = this
    return { nodes: tree.count, storedBytes: totals.storedBytes, blocks: blocks.usedBlocks, slots: slots.usage().used }
  }

  /** What one of its active servers may have open; the quota is shared out among them. */
  get streamsPerServer(): number | undefined {
    const { streams } = this.record.quota ?? {}
    return streams === undefined
      ? undefined
      : Math.max(Math.min(1, streams), Math.floor(streams / Math.max(1, this.slots.servers)))
  }

  /** Frees everything in it; resolves once that is done. */
  async clear(): Promise<void> {
    for (const claim of [...this.claims.all()]) this.claims.end(claim)
    const children = [...this.tree.root.children.from(0)]
    for (const child of children) this.tree.detach(child)
    await this.reaper.reapAll(children, 'abort')
    await this.reaper.settled()
    this.definitions.clear()
    this.answers.forgetAll()
  }

  stop(): void {
    this.answers.stop()
    this.leases.stop()
    this.claims.stop()
  }
}
