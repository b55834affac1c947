import type { Clock, Randomness } from '../protocol/clock.ts'
import type { GliderError } from '../protocol/errors.ts'
import type { Handlers } from '../protocol/peer.ts'
import type { Log } from '../server/log.ts'
import { OperationLog } from '../server/operation-log.ts'
import { Access } from './access.ts'
import { Activity } from './activity.ts'
import { type MetadataConfig, verifyConfig } from './config.ts'
import { Counter } from './counter.ts'
import { Frees } from './frees.ts'
import { Fsck } from './fsck.ts'
import { Generations } from './generations.ts'
import { type Journal, noJournal } from './journal/journal.ts'
import { type JournalHead, restore, type SavedState } from './journal/restore.ts'
import { Membership } from './membership.ts'
import type { Namespace } from './namespace.ts'
import { Namespaces } from './namespaces.ts'
import { type MetadataStats, Operations } from './operations.ts'
import { Orphans } from './orphans.ts'
import { Recovery } from './recovery.ts'
import { Revocations } from './revocations.ts'
import type { ServerRecord } from './servers.ts'
import { BlockSpaces } from './spaces.ts'
import { Totals } from './totals.ts'
import { firstId } from './tree.ts'

export interface MetadataServerOptions {
  readonly clock: Clock
  readonly randomness: Randomness
  readonly log: Log
  readonly config?: Partial<MetadataConfig>
  /** Of the cluster; without one everybody is taken at their word. */
  readonly secret?: string | undefined
  /** By which operators come, where there is a secret. */
  readonly adminToken?: string | undefined
  /** The journal, with what an earlier start has left in it; nothing is written to disk without it. */
  readonly saved?: SavedState
}

/** Wires the parts of the metadata server together. It listens to nothing by itself: see {@link MetadataServer.bind}. */
export class MetadataServer {
  readonly config: MetadataConfig
  /** What the REST face calls. */
  readonly operations: Operations
  readonly access: Access
  readonly #membership: Membership
  readonly #namespaces: Namespaces

  constructor({ clock, randomness, log, config: given = {}, secret, adminToken, saved }: MetadataServerOptions) {
    const config = verifyConfig(given)
    const { blockBytes, storageClasses, freeDelayMs: delayMs } = config
    const nowMs = clock.wallTime()
    const fresh: JournalHead = { epoch: nowMs, root: { id: firstId(nowMs), createdAt: nowMs }, blockBytes }
    const { epoch, root } = saved?.begin(fresh) ?? fresh
    const journal: Journal = saved ?? noJournal
    const totals = new Totals()
    const generations = new Generations(epoch)
    const frees = new Frees({ clock, delayMs, log, journal })
    const blocks = new BlockSpaces(storageClasses, blockBytes, generations, frees)
    const first = firstId(nowMs)
    const numbers = { nodeIds: new Counter(first), leaseNumbers: new Counter(first), tokenNumbers: new Counter(first) }
    const cluster = { clock, randomness, log, config, journal, generations, blocks, totals, ...numbers }
    const namespaces = new Namespaces(cluster, root)
    const orphans = new Orphans(frees)
    const recovery = new Recovery(orphans, log)
    const slotsOf = namespaces.slotsOf.bind(namespaces)
    const revocations = new Revocations(log, () => membership.members().map(({ server }) => server))
    const joined = (server: ServerRecord): void =>
      revocations.tellAll(
        server,
        namespaces.all().map(({ record }) => record),
      )
    const left = (one: ServerRecord): void => this.access.serverLeft(one)
    const membership = new Membership({ config, clock, log, blocks, slotsOf, frees, recovery, journal, joined, left })
    namespaces.onRevoked = record => revocations.tell(record)
    if (saved) restore(saved, { namespaces, blocks, membership })
    const homes = namespaces.all.bind(namespaces)
    const { blocks: counted } = namespaces.default
    const fsck = new Fsck({ clock, log, homes, blocks: counted, generations, membership, orphans })
    const namespaceOfActions = membership.namespaceByToken.bind(membership)
    this.access = new Access({ clock, randomness, secret, adminToken, namespaces, namespaceOfActions })
    const { access } = this
    const activity = new Activity(membership, log)
    const watched = { activity, followed: new OperationLog(clock, log) }
    this.operations = new Operations({ access, namespaces, revocations, totals, blocks, membership, fsck, ...watched, journal })
    this.config = config
    this.#membership = membership
    this.#namespaces = namespaces
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

  /** What each namespace holds and has had. */
  *usages(): Iterable<readonly [name: string, usage: ReturnType<Namespace['usage']>]> {
    for (const namespace of this.#namespaces.all()) if (!namespace.record.deleted) yield [namespace.name, namespace.usage()]
  }

  stop(): void {
    this.#membership.stop()
    this.#namespaces.stop()
  }
}
