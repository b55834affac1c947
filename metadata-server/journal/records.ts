/**
 * How things look in the journal. Records are lists rather than objects, since there may be millions; the format's number in
 * lmdb-journal.ts rises with any change here.
 */
import type { BundleInfo, NodeType } from '../../protocol/catalogue.ts'
import { invariant, unreachable } from '../../protocol/errors.ts'
import type { ActionObject } from '../action-object.ts'
import type { Block } from '../blocks.ts'
import type { Claim, ClaimMode } from '../claim.ts'
import type { Lease } from '../lease.ts'
import type { Member } from '../members.ts'
import type { NamespaceRecord } from '../namespace-record.ts'
import { type BytesNode, type Chain, chainBlocks, type Node } from '../node.ts'
import type { StorageOrder } from '../orders.ts'
import type { ServerState } from '../servers.ts'
import type { AnswerBatch, BundleCode, KeptAnswer, PartOf, Subjects } from './journal.ts'

/** Server, number, epoch and counter of one block after the other. */
export type BlocksRecord = readonly number[]

/** Classes, and the number and role of the server to be near. */
export type OrderRecord = readonly [classes: readonly string[], near: ServerName | null]

export type ServerName = string

export type NodeRecord = readonly [
  type: NodeType,
  parent: number,
  ordinal: number,
  name: string,
  createdAt: number,
  own: DataRecord | ActionRecord | OrderRecord,
]
export type DataRecord = readonly [order: OrderRecord, size: number, version: number, bytes: BlocksRecord | Buffer]
export type ActionRecord = readonly [near: ServerName | null, object: ObjectRecord | null]

export type ObjectRecord = readonly [
  bundle: string,
  className: string,
  version: string,
  interleaved: boolean,
  address: string,
  /** Null for one that is lost. */
  slot: SlotRecord | null,
  lostCause: string,
]
export type SlotRecord = readonly [server: ServerName, index: number, epoch: number, counter: number]

export type PartRecord = readonly [size: number, blocks: BlocksRecord]

export type ClaimRecord = readonly [
  clientId: string,
  mode: ClaimMode,
  node: number | null,
  key: string,
  path: string,
  byPath: boolean,
  parents: boolean,
  order: OrderRecord,
  blocks: BlocksRecord,
]

export type LeaseRecord = readonly [node: number, ttlMs: number]

export interface ServerRecordOf {
  readonly role: Member['role']
  readonly number: number
  readonly incarnation: string
  readonly address: string
  readonly storageClass: string
  readonly proofKey: Buffer
  readonly state: ServerState
  readonly draining: boolean
  readonly namespace: string
  readonly tokenHash: string
  /** Blocks or slots. */
  readonly capacity: number
}

/** The records of each kind, as they are read back. */
export interface Records {
  readonly node: NodeRecord
  readonly part: PartRecord
  readonly claim: ClaimRecord
  readonly lease: LeaseRecord
  readonly server: ServerRecordOf
  readonly bundle: BundleInfo
  readonly builtin: BundleInfo
  readonly code: BundleCode
  readonly answers: readonly KeptAnswer[]
  readonly namespace: NamespaceRecord
}

export type RecordKind = keyof Records
export type RecordKey = string | number | [number, number]

interface Codec<Subject, Kept> {
  /** @param namespace number of the one that it belongs to */
  key(subject: Subject, namespace: number): RecordKey
  /** Undefined where nothing of it is to be remembered. */
  encode(subject: Subject): Kept | undefined
}

export const codecs: { readonly [K in RecordKind]: Codec<Subjects[K], Records[K]> } = {
  node: { key: node => node.id, encode: encodeNode },
  part: { key: ({ bag, index }) => [bag.id, index], encode: encodePart },
  claim: { key: claim => claim.id, encode: encodeClaim },
  lease: { key: lease => lease.number, encode: ({ node, ttlMs }: Lease) => [node.id, ttlMs] },
  server: { key: ({ server }) => server.incarnation, encode: encodeServer },
  bundle: { key: ({ name }, namespace) => `${namespace}/${name}`, encode: bundle => bundle },
  builtin: { key: ({ name }, namespace) => `${namespace}/${name}`, encode: bundle => bundle },
  code: {
    key: ({ version }, namespace) => `${namespace}/${version}`,
    encode: ({ version, bytes }: BundleCode) => ({ version, bytes }),
  },
  answers: { key: batch => batch.number, encode: ({ needed, answers }: AnswerBatch) => (needed > 0 ? answers : undefined) },
  namespace: { key: record => record.number, encode: record => ({ ...record }) },
}

function encodeNode(node: Node): NodeRecord | undefined {
  const { type, parent, ordinal, name, createdAt } = node
  return parent && [type, parent.id, ordinal, name, createdAt, ownOf(node)]
}

function ownOf(node: Node): NodeRecord[5] {
  switch (node.type) {
    case 'file':
    case 'keyvalue':
      return [orderRecord(node.order), node.size, node.version, bytesRecord(node)]
    case 'directory':
    case 'table':
    case 'bag':
      return orderRecord(node.order)
    case 'action':
      return [node.near?.id ?? null, objectRecord(node.object)]
    default:
      return unreachable(node)
  }
}

function bytesRecord({ inline, chain }: BytesNode): BlocksRecord | Buffer {
  return inline ?? blocksRecord(chainBlocks(chain))
}

function blocksRecord(blocks: readonly Block[]): BlocksRecord {
  const record: number[] = []
  for (const { space, index, epoch, counter } of blocks) record.push(space.server.number, index, epoch, counter)
  return record
}

function orderRecord({ classes, near }: StorageOrder): OrderRecord {
  return [classes, near?.id ?? null]
}

/**
 * One that is being created is not remembered: whoever asked for it asks again, and its server stops what nobody knows. One that
 * is being deleted is, for the same reason.
 */
function objectRecord(object: ActionObject | undefined): ObjectRecord | null {
  if (!object || object.state === 'creating' || object.state === 'empty') return null
  const { definition, interleaved, address, lostCause = '' } = object
  const what = [definition.bundle, definition.class, definition.version, interleaved, address] as const
  if (object.state === 'lost') return [...what, null, lostCause]
  const { space, index, generation } = object.slot
  return [...what, [space.server.id, index, generation.epoch, generation.counter], '']
}

function encodePart({ bag, index }: PartOf): PartRecord | undefined {
  const part = bag.parts[index]
  return bag.parent && part && [part.size, chainRecord(part.chain)]
}

function chainRecord(chain: Chain): BlocksRecord {
  return blocksRecord(chainBlocks(chain))
}

/** Nobody could come back for a claim without a client. */
function encodeClaim({ clientId, mode, node, key, path, byPath, parents, order, blocks }: Claim): ClaimRecord | undefined {
  if (clientId === undefined) return undefined
  return [clientId, mode, node?.id ?? null, key, path, byPath, parents, orderRecord(order), blocksRecord(blocks)]
}

function encodeServer({ role, server, space }: Member): ServerRecordOf {
  const { number, incarnation, address, storageClass, proofKey, state, draining, namespace, tokenHash } = server
  invariant(number > 0, 'servers are numbered from 1')
  return {
    role,
    number,
    incarnation,
    address,
    storageClass,
    proofKey,
    state,
    draining,
    namespace,
    tokenHash,
    capacity: space.capacity,
  }
}
