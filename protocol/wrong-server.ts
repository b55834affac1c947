import { type ErrorCode, GliderError } from './errors.ts'
import type { Hello } from './peer.ts'

/** Who was dialled as the metadata server has said that it is another. */
export function wrongServer(address: string, role: Exclude<Hello['role'], 'metadata'>, code: ErrorCode): GliderError {
  const is = role === 'client' ? 'no server' : `the address of ${role === 'active' ? 'an active' : 'a storage'} server`
  return new GliderError(
    code,
    `${address} is ${is}: give the address of the metadata server (its port is 9060 unless told otherwise)`,
  )
}
