/** The part of the catalogue that is about leases; see metadata-server/leases.ts. */
import Type from 'typebox'
import { defineOperation } from './operation.ts'
import { lease, nodeId, path, target, ttlMs } from './schemas.ts'

export const leaseOperations = {
  takeLease: defineOperation('takeLease', {
    code: 33,
    server: 'metadata',
    changes: true,
    summary: 'Deletes a node, with everything below it, unless the lease is renewed within each `ttlMs`.',
    head: Type.Object({ ...target, ttlMs }),
    answer: Type.Object({ node: nodeId, path, lease }),
  }),
  renewLease: defineOperation('renewLease', {
    code: 34,
    server: 'metadata',
    changes: true,
    summary: 'Gives a lease its full time again; NOT_FOUND once it has expired, or its node is gone.',
    head: Type.Object({ node: nodeId, lease }),
    answer: Type.Object({}),
  }),
  releaseLease: defineOperation('releaseLease', {
    code: 35,
    server: 'metadata',
    changes: true,
    summary: 'Ends a lease, and its node lives on; NOT_FOUND once it has expired, or its node is gone.',
    head: Type.Object({ node: nodeId, lease }),
    answer: Type.Object({}),
  }),
} as const
