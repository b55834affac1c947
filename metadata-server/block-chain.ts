import { GliderError } from '../protocol/errors.ts'
import type { Purpose } from '../protocol/location.ts'
import type { Block } from './blocks.ts'
import { isLost } from './servers.ts'

/** Blocks with the addresses of their servers, in the form of the catalogue. */
export interface BlockChain {
  locations: string[]
  servers: Record<string, string>
}

export function chainAnswer(blocks: readonly Block[], purpose: Purpose): BlockChain {
  const servers: Record<string, string> = {}
  const locations = blocks.map(block => {
    const { incarnation, address } = block.space.server
    servers[incarnation] = address
    return block.location(purpose)
  })
  return { locations, servers }
}

/** @throws GliderError DATA_LOST */
export function checkKept(blocks: Iterable<Block>, path: string): void {
  for (const { space } of blocks) {
    if (!isLost(space.server)) continue
    const { id, address } = space.server
    throw new GliderError(
      'DATA_LOST',
      `${path}: the server ${id} at ${address} that held its bytes is gone: replace or delete it`,
    )
  }
}
