/** Puts everything back that the journal has, before anybody can ask. */
import { GliderError, unreachable } from '../../protocol/errors.ts'
import type { Answers } from '../answers.ts'
import { type Block, BlockSpace } from '../blocks.ts'
import type { Claims } from '../claims.ts'
import type { Definitions } from '../definitions.ts'
import type { Leases } from '../leases.ts'
import { type Member, serverId } from '../members.ts'
import type { Membership } from '../membership.ts'
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
import type { Objects } from '../objects.ts'
import type { StorageOrder } from '../orders.ts'
import type { Reaper } from '../reaper.ts'
import type { ServerRecord } from '../servers.ts'
import { type Slot, SlotSpace, type SlotSpaces } from '../slots.ts'
import type { BlockSpaces } from '../spaces.ts'
import { inlineCost, type Totals } from '../totals.ts'
import type { Tree } from '../tree.ts'
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

/** A journal, with what an earlier start has left in it. */
export interface SavedState extends Journal {
  /**
   * Begins a new life: takes the head of the last one, or `fresh` where there was none, and an epoch of its own.
   * @throws GliderError INVALID_ARGUMENT where the journal was written by another version, or for blocks of another size
   */
  begin(fresh: JournalHead): JournalHead
  /** In rising order of their keys. */
  records<K extends RecordKind>(kind: K): Iterable<{ readonly key: RecordKey; readonly record: Records[K] }>
  /** Removes a record of which nothing is left to be put back. */
  discard(kind: RecordKind, key: RecordKey): void
}

export interface RestoredParts {
  readonly tree: Tree
  readonly blocks: BlockSpaces
  readonly slots: SlotSpaces
  readonly totals: Totals
  readonly reaper: Reaper
  readonly objects: Objects
  readonly definitions: Definitions
  readonly leases: Leases
  readonly claims: Claims
  readonly membership: Membership
  readonly answers: Answers
}

/** @throws GliderError INTERNAL where the records contradict each other */
export function restore(saved: SavedState, parts: RestoredParts): void {
  new Restoration(saved, parts).run()
}

interface Displaced {
  readonly node: Node
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
    const { definitions, reaper } = this.#parts
    for (const { record } of this.#saved.records('server')) this.#server(record)
    definitions.restore({
      own: [...this.#saved.records('bundle')].map(({ record }) => record),
      builtin: [...this.#saved.records('builtin')].map(({ record }) => record),
      codes: [...this.#saved.records('code')].map(({ key, record }) => ({ version: String(key), bytes: record })),
    })
    const cut = this.#nodes()
    this.#bagParts()
    this.#claims()
    this.#leases()
    this.#answers()
    for (const space of this.#spaces.values()) space.restored()
    // What is left of deletions that were not over.
    void reaper.reapAll(cut, 'abort')
  }

  #server(record: ServerRecordOf): void {
    const { role, number, capacity } = record
    const { membership } = this.#parts
    const state = record.state === 'live' ? 'suspect' : record.state
    const server: ServerRecord = { ...record, id: serverId(role, number), state, lastSeenMs: 0, connection: undefined }
    const member = role === 'storage' ? this.#storage(server, capacity) : this.#active(server, capacity)
    this.#servers.set(server.id, member)
    membership.restore(member)
  }

  #storage(server: ServerRecord, capacity: number): Member {
    const space = new BlockSpace(server, capacity)
    if (server.state === 'suspect') this.#parts.blocks.enter(space)
    this.#spaces.set(server.number, space)
    return { role: 'storage', server, space }
  }

  #active(server: ServerRecord, capacity: number): Member {
    if (server.state !== 'suspect') return { role: 'active', server, space: new SlotSpace(server, capacity) }
    return { role: 'active', server, space: this.#parts.slots.join(server, capacity) }
  }

  /** Answers the nodes whose parent is gone. */
  #nodes(): Node[] {
    const { tree } = this.#parts
    const displaced: Displaced[] = []
    for (const { key, record } of this.#saved.records('node')) {
      const [, parent, ordinal] = record
      const node = this.#node(Number(key), record)
      tree.restore(node)
      displaced.push({ node, parent, ordinal })
    }
    displaced.sort((a, b) => a.ordinal - b.ordinal)
    return displaced.filter(({ node, parent, ordinal }) => !tree.reenter(node, parent, ordinal)).map(({ node }) => node)
  }

  #node(id: number, [type, , , name, createdAt, own]: NodeRecord): Node {
    const node = this.#made(type, { id, createdAt }, own)
    node.name = name
    return node
  }

  #made(type: NodeRecord[0], birth: Birth, own: NodeRecord[5]): Node {
    switch (type) {
      case 'file':
        return this.#withBytes(new FileNode(birth, this.#order((own as DataRecord)[0])), own as DataRecord)
      case 'keyvalue':
        return this.#withBytes(new KeyValueNode(birth, this.#order((own as DataRecord)[0])), own as DataRecord)
      case 'directory':
        return new DirectoryNode(birth, this.#order(own as OrderRecord))
      case 'table':
        return new TableNode(birth, this.#order(own as OrderRecord))
      case 'bag':
        return new BagNode(birth, this.#order(own as OrderRecord))
      case 'action':
        return this.#action(birth, own as ActionRecord)
      default:
        return unreachable(type)
    }
  }

  #withBytes<N extends FileNode | KeyValueNode>(node: N, [, size, version, bytes]: DataRecord): N {
    const { totals } = this.#parts
    node.size = size
    node.version = version
    if (Buffer.isBuffer(bytes)) node.inline = bytes
    else node.chain = this.#chain(bytes)
    totals.storedBytes += size
    totals.inlineBytes += inlineCost(node.inline)
    return node
  }

  #action(birth: Birth, [near, object]: ActionRecord): ActionNode {
    const node = new ActionNode(birth, this.#near(near))
    if (!object) return node
    this.#parts.objects.restore(node, object, ([server, index, epoch, counter], occupant): Slot => {
      const member = this.#servers.get(server)
      if (member?.role !== 'active') throw damaged(`the active server ${server} of ${node.name} is not there`)
      return member.space.restore(index, { epoch, counter }, occupant)
    })
    return node
  }

  #bagParts(): void {
    const { tree, totals } = this.#parts
    for (const { key, record } of this.#saved.records('part')) {
      const [id] = key as [number, number]
      const bag = tree.node(id)
      if (bag?.type !== 'bag') {
        this.#saved.discard('part', key)
        continue
      }
      const [size, blocks] = record
      bag.parts.push({ size, chain: this.#chain(blocks) })
      bag.size += size
      totals.storedBytes += size
    }
  }

  #claims(): void {
    const { tree, claims } = this.#parts
    for (const { key, record } of this.#saved.records('claim')) {
      const [clientId, mode, nodeId, name, path, byPath, parents, order, blocks] = record
      const node = nodeId === null ? undefined : tree.node(nodeId)
      // With its node its blocks went.
      if ((nodeId !== null && !node) || node?.type === 'directory' || node?.type === 'action') {
        this.#saved.discard('claim', key)
        continue
      }
      const subject = { mode, node, key: name, path, byPath, parents, order: this.#order(order) }
      claims.restore({ ...subject, id: String(key), clientId, blocks: this.#blocks(blocks) })
    }
  }

  #leases(): void {
    const { tree, leases } = this.#parts
    for (const { key, record } of this.#saved.records('lease')) {
      const [id, ttlMs] = record
      const node = tree.node(id)
      if (node) leases.restore(node, Number(key), ttlMs)
      else this.#saved.discard('lease', key)
    }
  }

  #answers(): void {
    for (const { key, record } of this.#saved.records('answers')) {
      this.#parts.answers.restore({ number: Number(key), answers: [...record], needed: record.length })
    }
  }

  #chain(record: BlocksRecord): Chain {
    return chainOf(this.#blocks(record))
  }

  #blocks(record: BlocksRecord): Block[] {
    const blocks: Block[] = []
    for (let at = 0; at < record.length; at += 4) {
      const [number = 0, index = 0, epoch = 0, counter = 0] = record.slice(at, at + 4)
      const space = this.#spaces.get(number)
      if (!space) throw damaged(`the storage server ${number} of a block is not there`)
      blocks.push(this.#parts.blocks.restore(space, index, epoch, counter))
    }
    return blocks
  }

  #order([classes, near]: OrderRecord): StorageOrder {
    return this.#parts.blocks.orders.of(classes, this.#near(near))
  }

  #near(name: string | null): ServerRecord | undefined {
    return name === null ? undefined : this.#servers.get(name)?.server
  }
}

function damaged(what: string): GliderError {
  return new GliderError('INTERNAL', `the journal contradicts itself: ${what}; start with another state directory`)
}
