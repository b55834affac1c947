/**
 * One tenant's tree with everything that is its own. Always holds: nothing in here knows the parts of another namespace, so that an
 * id, a claim or a name can only ever mean something of this one.
 */
import type { AnswerOf, catalogue } from '../protocol/catalogue.ts'
import type { Clock, Randomness } from '../protocol/clock.ts'
import { GliderError } from '../protocol/errors.ts'
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
import { Ledger } from './ledger.ts'
import { Limits } from './limits.ts'
import type { NamespaceRecord } from './namespace-record.ts'
import { Objects } from './objects.ts'
import { Reaper } from './reaper.ts'
import { type SlotSpace, SlotSpaces } from './slots.ts'
import type { BlockSpaces } from './spaces.ts'
import { StreamShares } from './stream-shares.ts'
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
  readonly tokenNumbers: Counter
}

export class Namespace {
  readonly record: NamespaceRecord
  readonly tree: Tree
  readonly totals: Totals
  readonly limits: Limits
  readonly ledger: Ledger
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
  /** Of streams of actions. */
  readonly shares: StreamShares<SlotSpace>

  constructor(record: NamespaceRecord, cluster: ClusterParts) {
    const { clock, randomness, log, config, generations, nodeIds } = cluster
    const { blockBytes, bundleBytes, inspectTimeoutMs } = config
    const journal = cluster.journal.of(record.number)
    this.record = record
    const ledger = new Ledger(clock, blockBytes)
    this.ledger = ledger
    this.totals = new Totals(cluster.totals, bytes => {
      ledger.inline.held = bytes
    })
    const limits = new Limits(record.name, record.quota)
    this.limits = limits
    this.blocks = cluster.blocks.ofNamespace(record.classes, limits, ledger)
    this.slots = new SlotSpaces(generations, log, record.name, used => {
      ledger.slots.held = used
    })
    this.shares = new StreamShares(
      () => this.slots.all,
      () => limits.quota.streams,
    )
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

  /**
   * What came to be in it now would be left when all of it has gone.
   * @throws GliderError UNAUTHENTICATED where it is being deleted: its actions are still there, and may ask for something
   */
  checkOpen(): void {
    if (!this.record.deleted) return
    throw new GliderError('UNAUTHENTICATED', `the namespace ${this.name} is being deleted, with all that is in it`)
  }

  usage(): AnswerOf<typeof catalogue.usage> {
    const { tree, totals, blocks, slots, ledger } = this
    const held = { nodes: tree.count, storedBytes: totals.storedBytes, blocks: blocks.usedBlocks, slots: slots.usage().used }
    return { ...held, consumed: ledger.consumed() }
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
