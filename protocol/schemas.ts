/** What several operations of the catalogue share. */
import Type, { type Static } from 'typebox'
import { LOCATION_BYTES } from './location.ts'

export const nodeTypes = ['file', 'directory', 'table', 'keyvalue', 'bag', 'action'] as const
export type NodeType = (typeof nodeTypes)[number]

/** States of the object of an action node; CONTRACT: Node and object. */
export const objectStates = ['empty', 'creating', 'live', 'deleting', 'lost'] as const
export type ObjectState = (typeof objectStates)[number]

export const path = Type.String({ description: 'absolute path of a node' })
export const count = Type.Integer({ minimum: 0 })
export const nodeId = Type.Integer({ minimum: 0, description: 'names the node itself, whatever it is called by now' })
export const storageClass = Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1 })])
/** At most a day: what is to live longer is renewed meanwhile. */
export const ttlMs = Type.Integer({ minimum: 1, maximum: 24 * 3600_000, description: 'how long the node lives unless renewed' })
export const lease = Type.Integer({ minimum: 1, description: 'names one lease of a node' })
/** A node by its name or by its id, and exactly one of the two is given; or the keyvalue under a key of a table's id. */
export const target = {
  path: Type.Optional(path),
  node: Type.Optional(nodeId),
  key: Type.Optional(Type.String({ description: 'names a keyvalue of the table `node`' })),
}
/** The binary form of a Location, in base64url. */
export const location = Type.String({ minLength: (LOCATION_BYTES * 4) / 3, maxLength: (LOCATION_BYTES * 4) / 3 })
export const anyJson = Type.Unknown()

export const usage = Type.Object({
  nodes: count,
  /** Committed bytes of all nodes. */
  storedBytes: count,
  /** Blocks taken, those of open claims included. */
  blocks: count,
  slots: count,
  /** Since `since`; see docs/operating.md. */
  consumed: Type.Object({
    since: Type.Integer({ description: 'milliseconds since 1970' }),
    /** Of blocks, by storage class. */
    byteSeconds: Type.Record(Type.String(), Type.Number()),
    /** Of what the metadata server keeps itself. */
    inlineByteSeconds: Type.Number(),
    slotSeconds: Type.Number(),
    operations: count,
    bytesIn: count,
    bytesOut: count,
    actionMs: count,
  }),
})

/** What a namespace may have at most; there is no limit to what is left out. */
export const quota = Type.Object(
  {
    /** Committed, and in blocks taken, whole ones, of which the last may reach over it. */
    bytes: Type.Optional(count),
    nodes: Type.Optional(count),
    slots: Type.Optional(count),
    /** Of actions that are open, and of files and bags that are open for writing: so many of each. */
    streams: Type.Optional(count),
  },
  { additionalProperties: false },
)
export type Quota = Static<typeof quota>

const limitOrNone = Type.Optional(Type.Union([count, Type.Null()]))
/** What is named is changed, and null is no limit. */
export const quotaChange = Type.Object(
  { bytes: limitOrNone, nodes: limitOrNone, slots: limitOrNone, streams: limitOrNone },
  { additionalProperties: false },
)
export type QuotaChange = Static<typeof quotaChange>

export const namespaceName = Type.String({
  pattern: '^[a-z0-9][a-z0-9-]{0,62}$',
  description: '1 to 63 small letters, digits and -, not - first',
})
/** A token is known by this, and nobody can make the token of it. */
export const tokenHash = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 of the token, in hexadecimal' })

export const nodeInfo = Type.Object({
  node: nodeId,
  path,
  type: Type.Enum([...nodeTypes]),
  size: count,
  storageClass: Type.String(),
  createdAt: Type.Integer({ description: 'milliseconds since 1970' }),
  lostBytes: Type.Optional(Type.Integer({ minimum: 1, description: 'told by stat: bytes that were on servers that are gone' })),
  object: Type.Optional(
    Type.Object({
      state: Type.Enum([...objectStates]),
      definition: Type.Optional(Type.String()),
      version: Type.Optional(Type.String()),
      interleaved: Type.Optional(Type.Boolean()),
      server: Type.Optional(Type.String()),
    }),
  ),
})
export type NodeInfo = Static<typeof nodeInfo>

/** Blocks of one node, with the addresses of the servers that hold them. */
export const blockChain = {
  locations: Type.Array(location),
  /** host:port by incarnation. */
  servers: Type.Record(Type.String(), Type.String()),
}

/** The committed bytes of a file or keyvalue, as they are when it is opened for reading. */
export const openedRead = Type.Object({
  node: nodeId,
  path,
  size: count,
  /** Names the committed content; another one after it was replaced. */
  version: count,
  blockBytes: count,
  /** Chain index of the first location. */
  first: count,
  ...blockChain,
})

/** Where what is asked of an action comes from. */
export const origin = {
  /** Objects whose turns wait for what is asked: reaching one of them again would never end. */
  chain: Type.Optional(Type.Array(Type.String())),
  /** Id of the client's operation that it belongs to. */
  operation: Type.Optional(
    Type.String({
      pattern: '^[!-~]{1,64}$',
      description: 'id of the operation that it belongs to, 1 to 64 printable characters',
    }),
  ),
}

/** What a class says about its objects. */
export const classConfig = {
  /** Of objects whose creator says nothing of it. */
  interleaved: Type.Optional(Type.Boolean()),
  /** How long a turn of theirs may last. */
  turnTimeoutMs: Type.Optional(Type.Integer({ minimum: 1 })),
  /** What one of them is expected to need, for placement. */
  memoryBytes: Type.Optional(count),
}

export const classInfo = Type.Object({ name: Type.String(), calls: Type.Array(Type.String()), ...classConfig })
export type ClassInfo = Static<typeof classInfo>

export const bundleInfo = Type.Object({ name: Type.String(), version: Type.String(), classes: Type.Array(classInfo) })
export type BundleInfo = Static<typeof bundleInfo>

export const serverInfo = Type.Object({
  id: Type.String(),
  role: Type.Enum(['storage', 'active']),
  address: Type.String(),
  /**
   * Nothing new goes to one that is `draining`, whatever else it is. One that is `suspect` has lost its connection to the metadata server: it comes back,
   * or is soon dead. What is on one that is `dead` is lost unless it comes back.
   */
  state: Type.Enum(['live', 'draining', 'suspect', 'dead']),
  storageClass: Type.String(),
  /** Blocks of a storage server, slots of an active one. */
  capacity: count,
  /** Of which somebody owns. */
  used: count,
  /** Of which can be handed out. */
  free: count,
})
export type ServerInfo = Static<typeof serverInfo>
