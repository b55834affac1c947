/** The servers of a cluster, one by one: what they are, and which states they go through. */
import type { catalogue, HeadOf, ServerInfo } from '../protocol/catalogue.ts'
import { GliderError, invariant } from '../protocol/errors.ts'
import { INCARNATION_BYTES } from '../protocol/location.ts'
import type { BlockSpace } from './blocks.ts'
import { isLost, type ServerRecord, type ServerState } from './servers.ts'
import type { SlotSpace } from './slots.ts'

/**
 * - live → suspect: its registration connection has gone. Clients may still reach it.
 * - suspect → live: it has registered again.
 * - live or suspect → dead: silent for too long, or another incarnation came up at its address.
 * - dead → live: the same storage server after all, with what was not freed meanwhile. An active server that was declared
 *   dead starts over: its objects are lost already.
 * - any → removed: the operator took it out of the cluster, and it is not taken back.
 */
const transitions: Record<ServerState, readonly ServerState[]> = {
  live: ['suspect', 'dead', 'removed'],
  suspect: ['live', 'dead', 'removed'],
  dead: ['live', 'removed'],
  removed: [],
}

/** That of a server that names none. */
export const DEFAULT_NAMESPACE = 'default'

export type Member =
  | { readonly role: 'storage'; readonly server: ServerRecord; readonly space: BlockSpace }
  | { readonly role: 'active'; readonly server: ServerRecord; readonly space: SlotSpace }

export function move(server: ServerRecord, to: ServerState): void {
  invariant(transitions[server.state].includes(to), `${server.id} does not go from ${server.state} to ${to}`)
  server.state = to
}

export function newServer(number: number, head: HeadOf<typeof catalogue.register>): ServerRecord {
  return {
    id: serverId(head.role, number),
    number,
    incarnation: head.incarnation,
    address: head.address,
    storageClass: head.storageClass,
    proofKey: Buffer.from(head.proofKey, 'base64url'),
    namespace: head.namespace ?? DEFAULT_NAMESPACE,
    tokenHash: head.tokenHash ?? '',
    state: 'live',
    draining: false,
    lastSeenMs: 0,
    connection: undefined,
  }
}

export function serverId(role: Member['role'], number: number): string {
  return `${role}-${number}`
}

/** In the form of the catalogue. */
export function serverInfo({ role, server, space }: Member): ServerInfo {
  const { id, address, storageClass, state, draining } = server
  const lost = isLost(server)
  return {
    id,
    role,
    address,
    state: lost ? 'dead' : draining ? 'draining' : state === 'suspect' ? state : 'live',
    storageClass,
    capacity: space.capacity,
    used: space.used,
    free: lost || draining ? 0 : space.free,
  }
}

/** @throws GliderError INVALID_ARGUMENT for an offer that makes no sense */
export function checkOffer(head: HeadOf<typeof catalogue.register>, blockBytes: number): void {
  if (head.role === 'storage' && head.capacity < blockBytes) {
    const room = `${head.address} offers ${head.capacity} bytes, and a block has ${blockBytes}`
    throw new GliderError('INVALID_ARGUMENT', `${room}: give it more with --capacity`)
  }
  if (Buffer.byteLength(head.incarnation, 'latin1') !== INCARNATION_BYTES) {
    throw new GliderError('INVALID_ARGUMENT', `the incarnation ${head.incarnation} has not ${INCARNATION_BYTES} characters`)
  }
  if ((head.role === 'active') !== (head.storageClass === 'active')) {
    const rule = 'active servers, and only they, have the storage class active'
    throw new GliderError('INVALID_ARGUMENT', `${head.address} offers the class ${head.storageClass}: ${rule}`)
  }
}
