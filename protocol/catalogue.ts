/**
 * The catalogue: every operation of every server, with its number on the wire, what it takes and what it answers. Servers
 * bind handlers to it, the client calls by it, REST and OpenAPI are made from it.
 *
 * The hot operations (`readBlock`, `writeBlock`) have binary heads instead; their layout is in block-operations.ts.
 */
import Type from 'typebox'
import { byteOperations } from './byte-operations.ts'
import { checkOperations } from './check-operations.ts'
import { leaseOperations } from './lease-operations.ts'
import { membershipOperations } from './membership-operations.ts'
import { namespaceOperations } from './namespace-operations.ts'
import { defineOperation, type Operation } from './operation.ts'
import {
  anyJson,
  bundleInfo,
  classConfig,
  classInfo,
  count,
  lease,
  location,
  nodeInfo,
  nodeTypes,
  origin,
  path,
  serverInfo,
  storageClass,
  target,
  ttlMs,
  usage,
} from './schemas.ts'

export type { Finding, FindingKind, FsckReport, ObjectActivity } from './check-operations.ts'
export type { NamespaceInfo } from './namespace-operations.ts'
export {
  type BundleInfo,
  type ClassInfo,
  type NodeInfo,
  type NodeType,
  nodeTypes,
  type ObjectState,
  objectStates,
  type Quota,
  type QuotaChange,
  type ServerInfo,
} from './schemas.ts'

export const catalogue = {
  // The tree, on the metadata server.
  create: defineOperation('create', {
    code: 1,
    server: 'metadata',
    changes: true,
    summary: 'Creates a node.',
    head: Type.Object({
      path,
      type: Type.Enum([...nodeTypes]),
      parents: Type.Optional(Type.Boolean()),
      ifExists: Type.Optional(Type.Enum(['error', 'open', 'replace'])),
      storageClass: Type.Optional(storageClass),
      near: Type.Optional(path),
      /** Gives the new node a lease. */
      ttlMs: Type.Optional(ttlMs),
      ...origin,
    }),
    /** The lease is there where `ttlMs` was asked for and the node is new. */
    answer: Type.Object({ ...nodeInfo.properties, lease: Type.Optional(lease) }),
  }),
  lookup: defineOperation('lookup', {
    code: 2,
    server: 'metadata',
    summary: 'Finds a node by its path, and checks its type.',
    head: Type.Object({ path, type: Type.Optional(Type.Enum([...nodeTypes])) }),
    answer: nodeInfo,
  }),
  stat: defineOperation('stat', {
    code: 3,
    server: 'metadata',
    summary: 'Tells about a node.',
    head: Type.Object(target),
    answer: nodeInfo,
  }),
  exists: defineOperation('exists', {
    code: 4,
    server: 'metadata',
    summary: 'Whether there is a node at the path.',
    head: Type.Object({ path }),
    answer: Type.Object({ exists: Type.Boolean() }),
  }),
  list: defineOperation('list', {
    code: 5,
    server: 'metadata',
    summary: 'The next children of a directory or table, at most 1,000; pass `cursor` back for those after them.',
    head: Type.Object({ ...target, cursor: Type.Optional(count) }),
    answer: Type.Object({
      path,
      entries: Type.Array(Type.Object({ name: Type.String(), type: Type.Enum([...nodeTypes]), size: count })),
      /** Absent on the last page. */
      cursor: Type.Optional(count),
    }),
  }),
  rename: defineOperation('rename', {
    code: 6,
    server: 'metadata',
    changes: true,
    summary: 'Moves a node, with everything below it, at once.',
    head: Type.Object({ from: path, to: path }),
    answer: nodeInfo,
  }),
  delete: defineOperation('delete', {
    code: 7,
    server: 'metadata',
    changes: true,
    summary: 'Deletes a node; a non-empty directory or table only when `recursive`.',
    head: Type.Object({ ...target, recursive: Type.Optional(Type.Boolean()), ...origin }),
    answer: Type.Object({ deleted: Type.Boolean() }),
  }),

  // Leases, on the metadata server.
  ...leaseOperations,

  // The bytes of a node, on the metadata server.
  ...byteOperations,

  // Action objects, on the metadata server.
  createObject: defineOperation('createObject', {
    code: 14,
    server: 'metadata',
    changes: true,
    summary: 'Creates the object of an action node, and answers once its onCreate has returned.',
    head: Type.Object({
      ...target,
      definition: Type.String(),
      interleaved: Type.Optional(Type.Boolean()),
      params: Type.Optional(anyJson),
      replace: Type.Optional(Type.Boolean()),
      ...origin,
    }),
    answer: nodeInfo,
  }),
  deleteObject: defineOperation('deleteObject', {
    code: 15,
    server: 'metadata',
    changes: true,
    summary: 'Deletes the object of an action node, after its streams (`wait`) or at once (`abort`).',
    head: Type.Object({ ...target, mode: Type.Optional(Type.Enum(['wait', 'abort'])), ...origin }),
    answer: Type.Object({ deleted: Type.Boolean() }),
  }),
  openObject: defineOperation('openObject', {
    code: 16,
    server: 'metadata',
    summary: 'Where the object of an action node is; waits while it is being created.',
    head: Type.Object({ ...target, ...origin }),
    answer: Type.Object({ path, location, address: Type.String() }),
  }),

  // Definitions, on the metadata server.
  deploy: defineOperation('deploy', {
    code: 17,
    server: 'metadata',
    changes: true,
    bytes: 'upload',
    summary: 'Registers a bundle: one ES module in JavaScript, whose exported Action classes become definitions.',
    head: Type.Object({
      name: Type.String(),
      /** What its sources are relative to; refusals name places by it. */
      file: Type.Optional(Type.String()),
      /** Of the module in bytes: what is too large is refused before it is sent. */
      size: Type.Optional(count),
    }),
    answer: bundleInfo,
  }),
  undeploy: defineOperation('undeploy', {
    code: 29,
    server: 'metadata',
    changes: true,
    summary: 'Takes a bundle out; `BUSY` while objects of it live, unless `force`: these keep their code until they are deleted.',
    head: Type.Object({ name: Type.String(), force: Type.Optional(Type.Boolean()) }),
    /** Whether it was there. */
    answer: Type.Object({ undeployed: Type.Boolean() }),
  }),
  definitions: defineOperation('definitions', {
    code: 18,
    server: 'metadata',
    summary: 'The deployed bundles and their classes.',
    head: Type.Object({}),
    answer: Type.Object({ bundles: Type.Array(bundleInfo) }),
  }),
  fetchBundle: defineOperation('fetchBundle', {
    code: 19,
    server: 'metadata',
    by: 'server',
    bytes: 'download',
    internal: true,
    summary: 'The code of one version of a bundle.',
    head: Type.Object({ version: Type.String() }),
    answer: Type.Object({}),
  }),

  // The cluster, on the metadata server.
  ...membershipOperations,
  ...namespaceOperations,
  servers: defineOperation('servers', {
    code: 23,
    server: 'metadata',
    by: 'operator',
    summary: 'The servers of the cluster, with their capacity and what of it is free.',
    head: Type.Object({}),
    answer: Type.Object({ servers: Type.Array(serverInfo) }),
  }),
  drainServer: defineOperation('drainServer', {
    code: 25,
    server: 'metadata',
    by: 'operator',
    changes: true,
    summary: 'Puts nothing new on a server from now on; what is there stays.',
    head: Type.Object({ id: Type.String() }),
    answer: serverInfo,
  }),
  awaitEmpty: defineOperation('awaitEmpty', {
    code: 26,
    server: 'metadata',
    by: 'operator',
    internal: true,
    summary: 'Answers once a server holds nothing any more.',
    head: Type.Object({ id: Type.String() }),
    answer: serverInfo,
  }),
  removeServer: defineOperation('removeServer', {
    code: 27,
    server: 'metadata',
    by: 'operator',
    changes: true,
    summary: 'Takes a server out of the cluster; one that still holds something only with `force`, and that is lost.',
    head: Type.Object({ id: Type.String(), force: Type.Optional(Type.Boolean()) }),
    answer: serverInfo,
  }),
  echo: defineOperation('echo', {
    code: 60,
    server: 'metadata',
    internal: true,
    summary:
      'Answers what it was asked, in the form of a lookup: the least that an operation costs, for benchmarks to compare with.',
    head: Type.Object({ path, type: Type.Optional(Type.Enum([...nodeTypes])) }),
    answer: nodeInfo,
  }),
  usage: defineOperation('usage', {
    code: 24,
    server: 'metadata',
    summary: 'What the namespace holds now, and what it has had so far.',
    head: Type.Object({}),
    answer: usage,
  }),

  // Whether the tree and the servers agree: on the metadata server, and what it asks the others.
  ...checkOperations,

  // Blocks, on a storage server. Binary heads: see block-operations.ts.
  writeBlock: defineOperation('writeBlock', {
    code: 40,
    server: 'storage',
    bytes: 'body',
    internal: true,
    summary: 'Writes the body into a block at an offset.',
    head: Type.Object({}),
    answer: Type.Object({}),
  }),
  readBlock: defineOperation('readBlock', {
    code: 41,
    server: 'storage',
    bytes: 'body',
    internal: true,
    summary: 'Answers a range of a block as the body.',
    head: Type.Object({}),
    answer: Type.Object({}),
  }),
  freeBlocks: defineOperation('freeBlocks', {
    code: 42,
    server: 'storage',
    by: 'server',
    internal: true,
    summary: 'The metadata server takes blocks back: block, epoch and counter of the generation that ends.',
    head: Type.Object({ blocks: Type.Array(Type.Tuple([count, count, count])) }),
    answer: Type.Object({}),
  }),

  // Actions, on an active server.
  writeAction: defineOperation('writeAction', {
    code: 50,
    server: 'active',
    bytes: 'upload',
    internal: true,
    summary: 'One run of onWrite; the answer comes when it has returned.',
    head: Type.Object({
      location,
      /** Names the stream for exactly-once: one that has completed under the same key is discarded. */
      key: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
      ...origin,
      /** Whether each write is to be acknowledged when taken, as direct writers need it. */
      acknowledge: Type.Optional(Type.Boolean()),
      /** Whether the server is to say, by a frame of credit, that the location leads to an object. */
      confirm: Type.Optional(Type.Boolean()),
    }),
    answer: Type.Object({}),
  }),
  readAction: defineOperation('readAction', {
    code: 51,
    server: 'active',
    bytes: 'download',
    internal: true,
    summary: 'One run of onRead.',
    head: Type.Object({ location, ...origin, confirm: Type.Optional(Type.Boolean()) }),
    answer: Type.Object({}),
  }),
  writeActionWhole: defineOperation('writeActionWhole', {
    code: 58,
    server: 'active',
    bytes: 'body',
    internal: true,
    summary:
      'One run of onWrite over the body, all of the stream. The head is the location in binary form; behind it, as JSON, these.',
    head: Type.Object({ key: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })), ...origin }),
    answer: Type.Object({}),
  }),
  callAction: defineOperation('callAction', {
    code: 52,
    server: 'active',
    bytes: 'body',
    internal: true,
    summary: 'Calls a method by name. The body is the JSON value, that of the answer the result.',
    head: Type.Object({ location, name: Type.String(), ...origin }),
    answer: Type.Object({}),
  }),
  startObject: defineOperation('startObject', {
    code: 53,
    server: 'active',
    by: 'server',
    internal: true,
    summary: 'The metadata server has an object made in a slot; answered after onCreate.',
    head: Type.Object({
      slot: count,
      epoch: count,
      counter: count,
      path,
      bundle: Type.String(),
      class: Type.String(),
      version: Type.String(),
      ...classConfig,
      interleaved: Type.Boolean(),
      params: Type.Optional(anyJson),
      ...origin,
    }),
    answer: Type.Object({}),
  }),
  stopObject: defineOperation('stopObject', {
    code: 54,
    server: 'active',
    by: 'server',
    internal: true,
    summary: 'The metadata server has the object in a slot deleted; answered after onDelete.',
    head: Type.Object({ slot: count, epoch: count, counter: count, mode: Type.Enum(['wait', 'abort']), ...origin }),
    answer: Type.Object({}),
  }),
  readLogs: defineOperation('readLogs', {
    code: 57,
    server: 'active',
    bytes: 'download',
    internal: true,
    summary: 'What an object has logged of late, a line of JSON each; with `follow`, also what it goes on to log.',
    head: Type.Object({ location, follow: Type.Optional(Type.Boolean()) }),
    answer: Type.Object({}),
  }),
  inspectBundle: defineOperation('inspectBundle', {
    code: 55,
    server: 'active',
    by: 'server',
    internal: true,
    summary: 'Loads a version of a bundle in a thread of its own and tells its Action classes.',
    head: Type.Object({ name: Type.String(), version: Type.String(), file: Type.Optional(Type.String()) }),
    answer: Type.Object({ classes: Type.Array(classInfo) }),
  }),
} as const

export type OperationName = keyof typeof catalogue
export type HeadOf<O> = O extends Operation<infer Head, unknown> ? Head : never
export type AnswerOf<O> = O extends Operation<unknown, infer Answer> ? Answer : never

const byCode = new Map<number, Operation>(Object.values(catalogue).map(operation => [operation.code, operation as Operation]))

export function operationByCode(code: number): Operation | undefined {
  return byCode.get(code)
}
