/**
 * The namespaces of the cluster and their tokens. Always holds: a token is known by its hash alone, and opens one namespace; a
 * connection that came by a token ends when that token no longer holds.
 */
import { createHash } from 'node:crypto'
import type { AnswerOf, catalogue, HeadOf, NamespaceInfo, Quota } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { NO_TOKEN } from '../protocol/grant.ts'
import type { TrafficRow } from '../protocol/membership-operations.ts'
import type { Connection } from '../protocol/peer.ts'
import { remedies } from '../protocol/remedies.ts'
import { countOf } from '../protocol/units.ts'
import { DEFAULT_NAMESPACE, type Member } from './members.ts'
import type { Membership } from './membership.ts'
import { type ClusterParts, Namespace } from './namespace.ts'
import type { NamespaceRecord } from './namespace-record.ts'
import type { Birth } from './node.ts'
import type { SlotSpaces } from './slots.ts'

const DEFAULT_NUMBER = 0
/** Of a list, at a time. */
const PAGE_BYTES = 32 << 10

export class Namespaces {
  /** The one that there is without any having been created. */
  readonly default: Namespace
  /** Told of a namespace whose earlier tokens count no more. */
  onRevoked: ((record: NamespaceRecord) => void) | undefined
  readonly #cluster: ClusterParts
  readonly #byNumber = new Map<number, Namespace>()
  readonly #byName = new Map<string, Namespace>()
  readonly #byToken = new Map<string, Namespace>()
  /** Those that came by the token of a namespace. */
  readonly #connections = new Map<Namespace, Set<Connection>>()
  #lastNumber = DEFAULT_NUMBER

  constructor(cluster: ClusterParts, root: Birth) {
    this.#cluster = cluster
    const record = {
      number: DEFAULT_NUMBER,
      name: DEFAULT_NAMESPACE,
      root,
      classes: undefined,
      quota: undefined,
      tokenHash: undefined,
      token: NO_TOKEN,
      deleted: false,
    }
    this.default = this.restore(record)
  }

  all(): Namespace[] {
    return [...this.#byNumber.values()]
  }

  /** @throws GliderError NOT_FOUND */
  get(name: string): Namespace {
    const namespace = this.#byName.get(name)
    if (!namespace) throw new GliderError('NOT_FOUND', `there is no namespace ${name}: create it first`)
    return namespace
  }

  byNumber(number: number): Namespace | undefined {
    return this.#byNumber.get(number)
  }

  byTokenHash(hash: string): Namespace | undefined {
    return this.#byToken.get(hash)
  }

  slotsOf(name: string): SlotSpaces {
    return this.get(name).slots
  }

  /** Puts a namespace back that was there at an earlier start. */
  restore(record: NamespaceRecord): Namespace {
    const namespace = new Namespace(record, this.#cluster)
    this.#lastNumber = Math.max(this.#lastNumber, record.number)
    this.#byNumber.set(record.number, namespace)
    this.#cluster.nodeIds.seen(record.root.id)
    this.#cluster.tokenNumbers.seen(record.token)
    if (record.deleted) return namespace
    this.#byName.set(record.name, namespace)
    if (record.tokenHash !== undefined) this.#byToken.set(record.tokenHash, namespace)
    return namespace
  }

  create({
    name,
    tokenHash,
    classes,
    quota,
  }: HeadOf<typeof catalogue.createNamespace>): AnswerOf<typeof catalogue.createNamespace> {
    if (this.all().some(one => one.record.deleted && one.name === name)) {
      throw new GliderError('BUSY', `the namespace ${name} is being deleted: try again when that is over`)
    }
    if (this.#byName.has(name)) {
      throw new GliderError('ALREADY_EXISTS', `the namespace ${name} exists: choose another name, or rotate its token`)
    }
    this.#checkUnknown(tokenHash)
    if (classes && (new Set(classes).size < classes.length || classes.includes('active'))) {
      throw new GliderError('INVALID_ARGUMENT', `the classes of ${name} have to be classes of storage servers, each of them once`)
    }
    const { clock, nodeIds, tokenNumbers, journal } = this.#cluster
    const root = { id: nodeIds.next(), createdAt: clock.wallTime() }
    const number = this.#lastNumber + 1
    const token = tokenNumbers.next()
    const namespace = this.restore({ number, name, root, classes, quota, tokenHash, token, deleted: false })
    journal.keep('namespace', namespace.record)
    return describe(namespace)
  }

  /** The next ones after a name, as many as fit well into the head of a frame. */
  list({ after = '' }: HeadOf<typeof catalogue.listNamespaces>): AnswerOf<typeof catalogue.listNamespaces> {
    const names = [...this.#byName.keys()].filter(name => name > after).sort()
    const namespaces: NamespaceInfo[] = []
    let bytes = 0
    for (const name of names) {
      const info = describe(this.get(name))
      bytes += Buffer.byteLength(JSON.stringify(info))
      if (bytes > PAGE_BYTES && namespaces.length > 0) return { namespaces, next: namespaces.at(-1)!.name }
      namespaces.push(info)
    }
    return { namespaces }
  }

  /** What a server tells of the traffic of namespaces. */
  addTraffic({ role, server }: Member, rows: readonly TrafficRow[]): void {
    for (const row of rows) {
      // All that an active server does is for its own.
      const namespace = role === 'active' ? this.#byName.get(server.namespace) : this.#byNumber.get(row[0])
      namespace?.ledger.add(row)
    }
  }

  /** What it has beyond a limit it keeps. */
  setQuota({ name, quota: change }: HeadOf<typeof catalogue.setQuota>): AnswerOf<typeof catalogue.setQuota> {
    const { record, limits } = this.#ofTenant(name)
    const all = Object.entries({ ...record.quota, ...change }).filter(([, most]) => most !== null)
    record.quota = Object.fromEntries(all) as Quota
    limits.quota = record.quota
    this.#cluster.journal.keep('namespace', record)
    return describe(this.get(name))
  }

  /** The old token ends at once, with everybody who has come by it. */
  rotate({ name, tokenHash }: HeadOf<typeof catalogue.rotateToken>): void {
    const namespace = this.#ofTenant(name)
    if (namespace.record.tokenHash === tokenHash) return
    this.#checkUnknown(tokenHash)
    this.#setToken(namespace, tokenHash, 'its token was exchanged for another')
  }

  revoke({ name }: HeadOf<typeof catalogue.revokeToken>): void {
    this.#setToken(this.#ofTenant(name), undefined, 'its token was revoked')
  }

  /**
   * Answers whether it was there, once all that it held is free.
   * @throws GliderError NOT_EMPTY where it holds something, unless forced
   */
  async delete(
    { name, force = false }: HeadOf<typeof catalogue.deleteNamespace>,
    membership: Membership,
  ): Promise<AnswerOf<typeof catalogue.deleteNamespace>> {
    if (!this.#byName.has(name)) return { deleted: false }
    const namespace = this.#ofTenant(name)
    const { count } = namespace.tree
    if (count > 0 && !force) {
      throw new GliderError(
        'NOT_EMPTY',
        `the namespace ${name} holds ${countOf(count, 'node')}: delete what it holds, or ${remedies.force}`,
      )
    }
    this.#setToken(namespace, undefined, 'it was deleted')
    namespace.record.deleted = true
    this.#byName.delete(name)
    this.#cluster.journal.keep('namespace', namespace.record)
    await this.finish(namespace, membership)
    return { deleted: true }
  }

  /** Ends what is left of a deleted namespace, and its active servers. */
  async finish(namespace: Namespace, membership: Membership): Promise<void> {
    await namespace.clear()
    namespace.stop()
    this.#byNumber.delete(namespace.record.number)
    this.#cluster.journal.drop('namespace', namespace.record)
    membership.dismiss(namespace.name)
  }

  /** The connection lasts as long as the token that it came by. */
  entered(namespace: Namespace, connection: Connection): void {
    let connections = this.#connections.get(namespace)
    if (!connections) {
      connections = new Set()
      this.#connections.set(namespace, connections)
    }
    const entered = connections
    entered.add(connection)
    connection.onClose(() => entered.delete(connection))
  }

  stop(): void {
    for (const namespace of this.all()) namespace.stop()
  }

  #setToken(namespace: Namespace, hash: string | undefined, why: string): void {
    const { record } = namespace
    if (record.tokenHash !== undefined) this.#byToken.delete(record.tokenHash)
    record.tokenHash = hash
    record.token = this.#cluster.tokenNumbers.next()
    if (hash !== undefined) this.#byToken.set(hash, namespace)
    this.#cluster.journal.keep('namespace', record)
    const reason = new GliderError('UNAUTHENTICATED', `the namespace ${record.name} is closed to you: ${why}`)
    for (const connection of this.#connections.get(namespace) ?? []) connection.dismiss(reason)
    this.#connections.delete(namespace)
    this.onRevoked?.(record)
  }

  #ofTenant(name: string): Namespace {
    const namespace = this.get(name)
    if (namespace !== this.default) return namespace
    throw new GliderError(
      'INVALID_ARGUMENT',
      `the namespace ${name} is there always, and is the operator's: name one that was created`,
    )
  }

  #checkUnknown(hash: string): void {
    if (this.#byToken.has(hash))
      throw new GliderError('INVALID_ARGUMENT', 'the token is that of another namespace: make a new one')
  }
}

export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

function describe(namespace: Namespace): AnswerOf<typeof catalogue.createNamespace> {
  const { name, classes, quota, tokenHash } = namespace.record
  return {
    name,
    hasToken: tokenHash !== undefined,
    usage: namespace.usage(),
    ...(classes && { classes: [...classes] }),
    ...(quota && { quota }),
  }
}
