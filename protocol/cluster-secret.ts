/**
 * How servers of a cluster prove to each other that they know its secret, without telling it. Always holds: a proof is good for
 * one connection and one direction, since it covers a nonce of each side, who proves, as what, and for which namespace.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { GliderError } from './errors.ts'
import type { ProvedServer } from './peer.ts'

/** Whoever has seen a proof can try secrets until one fits it, so that a short one is worth nothing. */
export const LEAST_SECRET_CHARACTERS = 24

export interface Nonces {
  /** Of the metadata server. */
  readonly asked: string
  /** Of the server that has dialled it. */
  readonly own: string
}

/** What a server that has dialled the metadata server tells it. */
export function memberProof(secret: string, member: ProvedServer, nonces: Nonces): string {
  return proof(secret, 'member', member, nonces)
}

/** What the metadata server answers. */
export function metadataProof(secret: string, member: ProvedServer, nonces: Nonces): string {
  return proof(secret, 'metadata', member, nonces)
}

export function fits(proof: string, expected: string): boolean {
  const [given, wanted] = [Buffer.from(proof), Buffer.from(expected)]
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

/**
 * The secret in a text: without the white space around it.
 * @throws GliderError INVALID_ARGUMENT
 */
export function parseSecret(text: string, what: string): string {
  const secret = text.trim()
  if (secret.length >= LEAST_SECRET_CHARACTERS) return secret
  throw new GliderError(
    'INVALID_ARGUMENT',
    `${what} has ${secret.length} characters, and needs ${LEAST_SECRET_CHARACTERS}: make one with openssl rand -base64 32`,
  )
}

function proof(secret: string, as: 'member' | 'metadata', member: ProvedServer, { asked, own }: Nonces): string {
  const { role, clientId, namespace = '' } = member
  return createHmac('sha256', secret)
    .update(JSON.stringify(['glider', as, role, clientId, namespace, asked, own]))
    .digest('base64url')
}
