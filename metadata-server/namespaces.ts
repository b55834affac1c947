/**
 * The namespaces of the cluster and their tokens. Always holds: a token is known by its hash alone, and opens one namespace; a
 * connection that came by a token ends when that token no longer holds.
 */
import { createHash } from 'node:crypto'
import type { AnswerOf, catalogue, HeadOf } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Connection } from '../protocol/peer.ts'
import { DEFAULT_NAMESPACE } from './members.ts'
import type { Membership } from './membership.ts'
import { type ClusterParts, Namespace } from './namespace.ts'
import type { NamespaceRecord } from './namespace-record.ts'
import type { Birth } from './node.ts'
import type { SlotSpaces } from './slots.ts'

const DEFAULT_NUMBER = 0

export class Namespaces {
  /** The one that there is without any having been created. */
  readonly default: Namespace
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
    const { clock, nodeIds, journal } = this.#cluster
    const root = { id: nodeIds.next(), createdAt: clock.wallTime() }
    const namespace = this.restore({ number: this.#lastNumber + 1, name, root, classes, quota, tokenHash, deleted: false })
    journal.keep('namespace', namespace.record)
    return describe(namespace)
  }

  list(): AnswerOf<typeof catalogue.listNamespaces> {
    return { namespaces: [...this.#byName.values()].map(describe) }
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
      throw new GliderError('NOT_EMPTY', `the namespace ${name} holds ${count} nodes: delete them, or force it out`)
    }
    this.#setToken(namespace, undefined, 'it was deleted')
    namespace.record.deleted = true
    this.#byName.delete(name)
    this.#cluster.journal.keep('namespace', namespace.record)
    await this.finish(namespace)
    membership.dismiss(name)
    return { deleted: true }
  }

  /** Ends what is left of a deleted namespace. */
  async finish(namespace: Namespace): Promise<void> {
    await namespace.clear()
    namespace.stop()
    this.#byNumber.delete(namespace.record.number)
    this.#cluster.journal.drop('namespace', namespace.record)
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
    if (hash !== undefined) this.#byToken.set(hash, namespace)
    this.#cluster.journal.keep('namespace', record)
    const reason = new GliderError('UNAUTHENTICATED', `the namespace ${record.name} is closed to you: ${why}`)
    for (const connection of this.#connections.get(namespace) ?? []) connection.close(reason)
    this.#connections.delete(namespace)
  }

  #ofTenant(name: string): Namespace {
    const namespace = this.get(name)
    if (namespace !== this.default) return namespace
    throw new GliderError('INVALID_ARGUMENT', `the namespace ${name} is there always, and belongs to the operator`)
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
