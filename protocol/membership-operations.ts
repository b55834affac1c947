/** The part of the catalogue by which a server takes its place in the cluster; see server/membership.ts. */
import Type, { type Static } from 'typebox'
import { defineOperation } from './operation.ts'
import { bundleInfo, count, namespaceName, tokenHash } from './schemas.ts'

/** Random, in base64url; of each used once. */
const nonce = Type.String({ minLength: 22, maxLength: 64 })

/** How many streams of actions an active server may have open now: its share of the quota of its namespace. */
const mostStreams = Type.Optional(count)

/** Streams of actions on an active server. */
const openStreamsReport = Type.Object({
  open: count,
  /** How many it may have; any number where it is not there. */
  allowed: Type.Optional(count),
  /** Whether it has refused any for that since it has said so the last time. */
  refused: Type.Boolean(),
})
export type OpenStreamsReport = Static<typeof openStreamsReport>

const trafficReport = Type.Object({
  /** Rises with each; one that comes again has the number of the first. */
  number: count,
  /** What has come to it: namespace, operations, bytes in, bytes out, and milliseconds of actions. */
  rows: Type.Array(Type.Tuple([count, count, count, count, count])),
})
export type TrafficReport = Static<typeof trafficReport>
export type TrafficRow = TrafficReport['rows'][number]

export const membershipOperations = {
  challenge: defineOperation('challenge', {
    code: 61,
    server: 'metadata',
    by: 'anyone',
    internal: true,
    summary: 'A server that has the secret of the cluster asks for what it is to prove it with.',
    head: Type.Object({}),
    answer: Type.Object({ nonce }),
  }),
  authenticate: defineOperation('authenticate', {
    code: 62,
    server: 'metadata',
    by: 'anyone',
    internal: true,
    summary: 'It proves that it has the secret, and so does the answer; see proofs of servers.',
    head: Type.Object({ nonce, proof: Type.String() }),
    answer: Type.Object({ proof: Type.String() }),
  }),
  register: defineOperation('register', {
    code: 20,
    server: 'metadata',
    by: 'server',
    internal: true,
    summary: 'A storage or active server offers its space. Its connection then carries heartbeats, and what it is asked to do.',
    head: Type.Object({
      role: Type.Enum(['storage', 'active']),
      incarnation: Type.String(),
      address: Type.String({ description: 'host:port that clients reach it by' }),
      storageClass: Type.String(),
      /** Bytes of a storage server, slots of an active one. */
      capacity: count,
      /** Key of the proofs for this server, in base64url: known to it and to the metadata server only. */
      proofKey: Type.String(),
      /** That an active server is for. @default 'default' */
      namespace: Type.Optional(namespaceName),
      /** SHA-256, in hexadecimal, of the token by which the actions of an active server come. */
      tokenHash: Type.Optional(tokenHash),
      streams: Type.Optional(openStreamsReport),
      /** Bundles that are part of the server itself. */
      builtin: Type.Optional(Type.Array(bundleInfo)),
    }),
    answer: Type.Object({
      id: Type.String(),
      blockBytes: count,
      /** False where the metadata server does not know this incarnation: what it holds is nobody's. */
      known: Type.Boolean(),
      streams: mostStreams,
    }),
  }),
  heartbeat: defineOperation('heartbeat', {
    code: 21,
    server: 'metadata',
    by: 'server',
    internal: true,
    summary: 'A sign of life of a registered server.',
    head: Type.Object({
      incarnation: Type.String(),
      streams: Type.Optional(openStreamsReport),
      traffic: Type.Optional(trafficReport),
    }),
    answer: Type.Object({ streams: mostStreams }),
  }),
  revokeTokens: defineOperation('revokeTokens', {
    code: 68,
    server: 'member',
    by: 'server',
    internal: true,
    summary: 'What was given out by tokens below these counts no more, and whoever came with it loses the connection.',
    /** Numbers of namespaces, and the least of the tokens of each that counts. */
    head: Type.Object({ least: Type.Array(Type.Tuple([count, count])) }),
    answer: Type.Object({}),
  }),
  objectsLost: defineOperation('objectsLost', {
    code: 22,
    server: 'metadata',
    by: 'server',
    internal: true,
    summary: 'An active server tells which of its objects went down with their thread.',
    head: Type.Object({
      incarnation: Type.String(),
      /** With the generation of each: its slot may be another's by the time that this is heard. */
      objects: Type.Array(Type.Object({ slot: count, epoch: count, counter: count })),
      cause: Type.String(),
    }),
    answer: Type.Object({}),
  }),
  leaving: defineOperation('leaving', {
    code: 37,
    server: 'metadata',
    by: 'server',
    internal: true,
    summary: 'A server is about to end: nothing new is to go there. Answers how many writers still have blocks on it.',
    head: Type.Object({ incarnation: Type.String() }),
    answer: Type.Object({ writers: count }),
  }),
} as const
