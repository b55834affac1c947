/** The part of the catalogue by which an operator gives namespaces out; see metadata-server/namespaces.ts. */
import Type, { type Static } from 'typebox'
import { defineOperation } from './operation.ts'
import { namespaceName, quota, tokenHash, usage } from './schemas.ts'

const namespaceInfo = Type.Object({
  name: Type.String(),
  /** False after it was revoked: nobody can connect. */
  hasToken: Type.Boolean(),
  /** Of storage, in order; those of the cluster where it is not there. */
  classes: Type.Optional(Type.Array(Type.String())),
  usage,
  quota: Type.Optional(quota),
})
export type NamespaceInfo = Static<typeof namespaceInfo>

export const namespaceOperations = {
  createNamespace: defineOperation('createNamespace', {
    code: 63,
    server: 'metadata',
    by: 'operator',
    changes: true,
    summary: 'Makes a namespace, which whoever has the token can use.',
    head: Type.Object({
      name: namespaceName,
      tokenHash,
      classes: Type.Optional(Type.Array(Type.String(), { minItems: 1, maxItems: 64 })),
      quota: Type.Optional(quota),
    }),
    answer: namespaceInfo,
  }),
  listNamespaces: defineOperation('listNamespaces', {
    code: 64,
    server: 'metadata',
    by: 'operator',
    summary: 'The namespaces and what they hold.',
    head: Type.Object({}),
    answer: Type.Object({ namespaces: Type.Array(namespaceInfo) }),
  }),
  rotateToken: defineOperation('rotateToken', {
    code: 65,
    server: 'metadata',
    by: 'operator',
    changes: true,
    summary: 'Gives a namespace another token; whoever came by the old one is out at once.',
    head: Type.Object({ name: namespaceName, tokenHash }),
    answer: Type.Object({}),
  }),
  revokeToken: defineOperation('revokeToken', {
    code: 66,
    server: 'metadata',
    by: 'operator',
    changes: true,
    summary: 'Takes the token from a namespace; whoever came by it is out at once.',
    head: Type.Object({ name: namespaceName }),
    answer: Type.Object({}),
  }),
  deleteNamespace: defineOperation('deleteNamespace', {
    code: 67,
    server: 'metadata',
    by: 'operator',
    changes: true,
    summary: 'Takes a namespace out; one that holds nodes only with `force`, and they are gone.',
    head: Type.Object({ name: namespaceName, force: Type.Optional(Type.Boolean()) }),
    answer: Type.Object({ deleted: Type.Boolean() }),
  }),
} as const
