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
export const ttlMs = Type.Integer({ minimum: 1 })
/** A node by name or by id; exactly one of the two is given. */
export const target = { path: Type.Optional(path), node: Type.Optional(nodeId) }
/** The binary form of a Location, in base64url. */
export const location = Type.String({ minLength: (LOCATION_BYTES * 4) / 3, maxLength: (LOCATION_BYTES * 4) / 3 })
export const anyJson = Type.Unknown()

export const nodeInfo = Type.Object({
  node: nodeId,
  path,
  type: Type.Enum([...nodeTypes]),
  size: count,
  storageClass: Type.String(),
  createdAt: Type.Integer({ description: 'milliseconds since 1970' }),
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

export const classInfo = Type.Object({ name: Type.String(), calls: Type.Array(Type.String()) })
export type ClassInfo = Static<typeof classInfo>

export const bundleInfo = Type.Object({ name: Type.String(), version: Type.String(), classes: Type.Array(classInfo) })
export type BundleInfo = Static<typeof bundleInfo>

export const serverInfo = Type.Object({
  id: Type.String(),
  role: Type.Enum(['storage', 'active']),
  address: Type.String(),
  state: Type.Enum(['live', 'dead']),
  storageClass: Type.String(),
  /** Blocks of a storage server, slots of an active one. */
  capacity: count,
  free: count,
})
export type ServerInfo = Static<typeof serverInfo>
