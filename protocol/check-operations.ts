/** The part of the catalogue that compares the tree with what the servers hold; see metadata-server/fsck.ts. */
import Type, { type Static } from 'typebox'
import { defineOperation } from './operation.ts'
import { count } from './schemas.ts'

/** What can be wrong; see docs/operating.md. */
export const findingKinds = ['orphanedBlock', 'doublyOwnedBlock', 'lostData', 'leakedSlot', 'wrongCount'] as const
export type FindingKind = (typeof findingKinds)[number]

const finding = Type.Object({
  kind: Type.Enum([...findingKinds]),
  /** What exactly is wrong, in words. */
  what: Type.String(),
  server: Type.String(),
  /** Of the node that it is about, where there is one. */
  path: Type.Optional(Type.String()),
  block: Type.Optional(count),
  slot: Type.Optional(count),
  /** Of a node that are lost, or in a block that nobody owns. */
  bytes: Type.Optional(count),
  remedy: Type.String(),
})
export type Finding = Static<typeof finding>

const fsckReport = Type.Object({
  /** Nothing was found, or all of it was repaired; and every server could be asked. */
  clean: Type.Boolean(),
  checked: Type.Object({ nodes: count, blocks: count, slots: count, servers: count }),
  /** Servers that do not answer, so that nobody knows what they hold. */
  unchecked: Type.Array(Type.String()),
  found: Type.Object({
    orphanedBlocks: count,
    doublyOwnedBlocks: count,
    lostBlocks: count,
    lostBytes: count,
    leakedSlots: count,
    wrongCounts: count,
  }),
  /** Orphaned blocks and leaked slots that are free now. */
  repaired: count,
  /** The first of each kind. */
  findings: Type.Array(finding),
})
export type FsckReport = Static<typeof fsckReport>

const objectActivity = Type.Object({
  /** As at creation. */
  path: Type.String(),
  streams: count,
  /** Streams and calls that are over. */
  turns: count,
})

/** What an object of an action does. */
export interface ObjectActivity extends Static<typeof objectActivity> {
  /** Its active server. */
  readonly server: string
}

/** From which number on; in the answer, where to go on, absent on the last page. */
const page = Type.Object({ first: count })
const pageAnswer = Type.Object({ next: Type.Optional(count) })

export const checkOperations = {
  fsck: defineOperation('fsck', {
    code: 36,
    server: 'metadata',
    by: 'operator',
    summary: 'Compares the tree with what every server holds; with `repair`, frees what nobody owns.',
    head: Type.Object({ repair: Type.Optional(Type.Boolean()) }),
    answer: fsckReport,
  }),
  activity: defineOperation('activity', {
    code: 38,
    server: 'metadata',
    by: 'operator',
    summary: 'Of each active server, the objects with the most streams open, and then those that have done the most.',
    head: Type.Object({ most: Type.Optional(count) }),
    answer: Type.Object({ objects: Type.Array(Type.Object({ ...objectActivity.properties, server: Type.String() })) }),
  }),
  listActivity: defineOperation('listActivity', {
    code: 59,
    server: 'active',
    by: 'server',
    internal: true,
    summary: 'Its part of that.',
    head: Type.Object({ most: count }),
    answer: Type.Object({ objects: Type.Array(objectActivity) }),
  }),
  listBlocks: defineOperation('listBlocks', {
    code: 43,
    server: 'storage',
    by: 'server',
    bytes: 'body',
    internal: true,
    summary: 'The next blocks that hold bytes, as rows in the body: see inventory.ts. Pass `next` back for those after them.',
    head: page,
    answer: pageAnswer,
  }),
  listObjects: defineOperation('listObjects', {
    code: 56,
    server: 'active',
    by: 'server',
    bytes: 'body',
    internal: true,
    summary: 'The next slots with an object, in the same form.',
    head: page,
    answer: pageAnswer,
  }),
} as const
