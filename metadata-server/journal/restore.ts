/** Puts everything back that the journal has, before anybody can ask. */
import { GliderError, unreachable } from '../../protocol/errors.ts'
import { type Block, BlockSpace } from '../blocks.ts'
import { type Member, serverId } from '../members.ts'
import type { Membership } from '../membership.ts'
import type { Namespace } from '../namespace.ts'
import type { Namespaces } from '../namespaces.ts'
import {
  ActionNode,
  BagNode,
  type Birth,
  type Chain,
  chainOf,
  DirectoryNode,
  FileNode,
  KeyValueNode,
  type Node,
  TableNode,
} from '../node.ts'
import type { StorageOrder } from '../orders.ts'
import type { ServerRecord } from '../servers.ts'
import { type Slot, SlotSpace } from '../slots.ts'
import type { BlockSpaces } from '../spaces.ts'
import { inlineCost } from '../totals.ts'
import type { Journal } from './journal.ts'
import type {
  ActionRecord,
  BlocksRecord,
  DataRecord,
  NodeRecord,
  OrderRecord,
  RecordKey,
  RecordKind,
  Records,
  ServerRecordOf,
} from './records.ts'

/** What belongs to the journal as a whole. */
export interface JournalHead {
  /** Of this start: higher than that of every start before. */
  readonly epoch: number
  readonly root: Birth
  readonly blockBytes: number
}

/** A record as it is read back. */
export interface KeptRecord<K extends RecordKind> {
  readonly key: RecordKey
  /** Number of the one that it belongs to. */
  readonly namespace: number
  readonly record: Records[K]
}

/** A journal, with what an earlier start has left in it. */
export interface SavedState extends Journal {
  /**
   * Begins a new life: takes the head of the last one, or `fresh` where there was none, and an epoch of its own.
   * @throws GliderError INVALID_ARGUMENT where the journal was written by another version, or for blocks of another size
   */
  begin(fresh: JournalHead): JournalHead
  /** In rising order of their keys. */
  records<K extends RecordKind>(kind: K): Iterable<KeptRecord<K>>
  /** Removes a record of which nothing is left to be put back. */
  discard(kind: RecordKind, key: RecordKey): void
}

export interface RestoredParts {
  readonly namespaces: Namespaces
  /** Those of the cluster. */
  readonly blocks: BlockSpaces
  readonly membership: Membership
}

/** @throws GliderError INTERNAL where the records contradict each other */
export function restore(saved: SavedState, parts: RestoredParts): void {
  new Restoration(saved, parts).run()
}

interface Displaced {
  readonly node: Node
  readonly home: Namespace
  readonly parent: number
  readonly ordinal: number
}

class Restoration {
  readonly #saved: SavedState
  readonly #parts: RestoredParts
  readonly #servers = new Map<string, Member>()
  readonly #spaces = new Map<number, BlockSpace>()

  constructor(saved: SavedState, parts: RestoredParts) {
    this.#saved = saved
    this.#parts = parts
  }

  run(): void {
    const { namespaces } = this.#parts
    for (const { record } of this.#saved.records('namespace')) namespaces.restore(record)
    for (const { record } of this.#saved.records('server')) this.#server(record)
    this.#definitions()
    const cut = this.#nodes()
    this.#bagParts()
    this.#claims()
    this.#leases()
    this.#answers()
    for (const space of this.#spaces.values()) space.restored()
    // What is left of deletions that were not over.
    for (const [namespace, nodes] of cut) void namespace.reaper.reapAll(nodes, 'abort')
    for (const namespace of namespaces.all())
      if (namespace.record.deleted) void namespaces.finish(namespace, this.#parts.membership)
  }

  /** @throws GliderError INTERNAL where there is none */
  #home(number: number): Namespace {
    const namespace = this.#parts.namespaces.byNumber(number)
    if (!namespace) throw damaged(`the namespace ${number} of a record is not there`)
    return namespace
  }

  #definitions(): void {
    const of = <T>(all: Iterable<{ readonly namespace: number; readonly record: T }>, { record }: Namespace): T[] =>
      [...all].filter(({ namespace }) => namespace === record.number).map(one => one.record)
    const [bundles, builtins, codes] = (['bundle', 'builtin', 'code'] as const).map(kind => [...this.#saved.records(kind)])
    for (const namespace of this.#parts.namespaces.all()) {
      namespace.definitions.restore({
        own: of(bundles as KeptRecord<'bundle'>[], namespace),
        builtin: of(builtins as KeptRecord<'builtin'>[], namespace),
        codes: of(codes as KeptRecord<'code'>[], namespace),
      })
    }
  }

  #server(record: ServerRecordOf): void {
    const { role, number, capacity } = record
    const { membership } = this.#parts
    const state = record.state === 'live' ? 'suspect' : record.state
    const server: ServerRecord = { ...record, id: serverId(role, number), state, lastSeenMs: 0, connection: undefined }
    const member = role === 'storage' ? this.#storage(server, capacity) : this.#active(server, capacity)
    if (!member) {
      membership.restoreRemoved(server, role)
      return
    }
    this.#servers.set(server.id, member)
    membership.restore(member)
  }

  #storage(server: ServerRecord, capacity: number): Member {
    const space = new BlockSpace(server, capacity)
    if (server.state === 'suspect') this.#parts.blocks.enter(space)
    this.#spaces.set(server.number, space)
    return { role: 'storage', server, space }
  }

  /** Undefined where its namespace was deleted: it is taken out, if it was not yet. */
  #active(server: ServerRecord, capacity: number): Member | undefined {
    const home = this.#parts.namespaces.all().find(({ name }) => name === server.namespace)
    if (!home) return undefined
    const { slots } = home
    if (server.state !== 'suspect') return { role: 'active', server, space: new SlotSpace(server, capacity, slots) }
    return { role: 'active', server, space: slots.join(server, capacity) }
  }

  /** Answers the nodes whose parent is gone. */
  #nodes(): Map<Namespace, Node[]> {
    const displaced: Displaced[] = []
    for (const { key, namespace, record } of this.#saved.records('node')) {
      const [, parent, ordinal] = record
      const home = this.#home(namespace)
      const node = this.#node(Number(key), record, home)
      home.tree.restore(node)
      displaced.push({ node, home, parent, ordinal })
    }
    displaced.sort((a, b) => a.ordinal - b.ordinal)
    const cut = new Map<Namespace, Node[]>()
    for (const { node, home, parent, ordinal } of displaced) {
      if (!home.tree.reenter(node, parent, ordinal)) cut.set(home, [...(cut.get(home) ?? []), node])
    }
    return cut
  }

  #node(id: number, [type, , , name, createdAt, own]: NodeRecord, home: Namespace): Node {
    const node = this.#made(type, { id, createdAt }, own, home)
    node.name = name
    return node
  }

  #made(type: NodeRecord[0], birth: Birth, own: NodeRecord[5], home: Namespace): Node {
    switch (type) {
      case 'file':
        return this.#withBytes(new FileNode(birth, this.#order((own as DataRecord)[0], home)), own as DataRecord, home)
      case 'keyvalue':
        return this.#withBytes(new KeyValueNode(birth, this.#order((own as DataRecord)[0], home)), own as DataRecord, home)
      case 'directory':
        return new DirectoryNode(birth, this.#order(own as OrderRecord, home))
      case 'table':
        return new TableNode(birth, this.#order(own as OrderRecord, home))
      case 'bag':
        return new BagNode(birth, this.#order(own as OrderRecord, home))
      case 'action':
        return this.#action(birth, own as ActionRecord, home)
      default:
        return unreachable(type)
    }
  }

  #withBytes<N extends FileNode | KeyValueNode>(node: N, [, size, version, bytes]: DataRecord, home: Namespace): N {
    const { totals } = home
    node.size = size
    node.version = version
    if (Buffer.isBuffer(bytes)) node.inline = bytes
    else node.chain = this.#chain(bytes, home)
    totals.storedBytes += size
    totals.inlineBytes += inlineCost(node.inline)
    return node
  }

  #action(birth: Birth, [near, object]: ActionRecord, { objects }: Namespace): ActionNode {
    const node = new ActionNode(birth, this.#near(near))
    if (!object) return node
    objects.restore(node, object, ([server, index, epoch, counter], occupant): Slot => {
      const member = this.#servers.get(server)
      if (member?.role !== 'active') throw damaged(`the active server ${server} of ${node.name} is not there`)
      return member.space.restore(index, { epoch, counter }, occupant)
    })
    return node
  }

  #bagParts(): void {
    for (const { key, namespace, record } of this.#saved.records('part')) {
      const home = this.#home(namespace)
      const { tree, totals } = home
      const [id] = key as [number, number]
      const bag = tree.node(id)
      if (bag?.type !== 'bag') {
        this.#saved.discard('part', key)
        continue
      }
      const [size, blocks] = record
      bag.parts.push({ size, chain: this.#chain(blocks, home) })
      bag.size += size
      totals.storedBytes += size
    }
  }

  #claims(): void {
    for (const { key, namespace, record } of this.#saved.records('claim')) {
      const home = this.#home(namespace)
      const { tree, claims } = home
      const [clientId, mode, nodeId, name, path, byPath, parents, order, blocks] = record
      const node = nodeId === null ? undefined : tree.node(nodeId)
      // With its node its blocks went.
      if ((nodeId !== null && !node) || node?.type === 'directory' || node?.type === 'action') {
        this.#saved.discard('claim', key)
        continue
      }
      const subject = { mode, node, key: name, path, byPath, parents, order: this.#order(order, home) }
      claims.restore({ ...subject, id: String(key), clientId, blocks: this.#blocks(blocks, home) })
    }
  }

  #leases(): void {
    for (const { key, namespace, record } of this.#saved.records('lease')) {
      const { tree, leases } = this.#home(namespace)
      const [id, ttlMs] = record
      const node = tree.node(id)
      if (node) leases.restore(node, Number(key), ttlMs)
      else this.#saved.discard('lease', key)
    }
  }

  #answers(): void {
    for (const { key, record } of this.#saved.records('answers')) {
      const batch = { number: Number(key), answers: [...record], needed: record.length }
      for (const answer of record) {
        const namespace = this.#parts.namespaces.byNumber(answer.namespace)
        if (namespace) namespace.answers.restore(answer, batch)
        else this.#saved.forget(batch)
      }
    }
  }

  #chain(record: BlocksRecord, home: Namespace): Chain {
    return chainOf(this.#blocks(record, home))
  }

  #blocks(record: BlocksRecord, home: Namespace): Block[] {
    const blocks: Block[] = []
    for (let at = 0; at < record.length; at += 4) {
      const [number = 0, index = 0, epoch = 0, counter = 0] = record.slice(at, at + 4)
      const space = this.#spaces.get(number)
      if (!space) throw damaged(`the storage server ${number} of a block is not there`)
      blocks.push(home.blocks.restore(space, index, epoch, counter))
    }
    return blocks
  }

  #order([classes, near]: OrderRecord, home: Namespace): StorageOrder {
    return home.blocks.orders.of(classes, this.#near(near))
  }

  #near(name: string | null): ServerRecord | undefined {
    return name === null ? undefined : this.#servers.get(name)?.server
  }
}

function damaged(what: string): GliderError {
  return new GliderError('INTERNAL', `the journal contradicts itself: ${what}; start with another state directory`)
}
