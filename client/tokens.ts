import { createHash } from 'node:crypto'
import { systemRandomness } from '../protocol/clock.system.ts'

const TOKEN_BYTES = 32

/** Made here, so that the cluster is told its hash alone. */
export function newToken(): string {
  return systemRandomness.bytes(TOKEN_BYTES).toString('base64url')
}

export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
