import { GliderError } from '../protocol/errors.ts'
import type { Grant } from '../protocol/grant.ts'
import type { Purpose } from '../protocol/location.ts'
import type { Block } from './blocks.ts'
import { isLost } from './servers.ts'

/** Blocks with the addresses of their servers, in the form of the catalogue. */
export interface BlockChain {
  locations: string[]
  servers: Record<string, string>
}

/** @param grant of whom it is for */
export function chainAnswer(blocks: readonly Block[], purpose: Purpose, grant: Grant): BlockChain {
  const servers: Record<string, string> = {}
  const locations = blocks.map(block => {
    const { incarnation, address } = block.space.server
    servers[incarnation] = address
    return block.location(purpose, grant)
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
