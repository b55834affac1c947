import type { catalogue, HeadOf } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { type Location, readLocation } from '../protocol/location.ts'
import { type BlockChain, chainAnswer } from './block-chain.ts'
import type { Block } from './blocks.ts'
import type { Claims } from './claims.ts'
import type { Party } from './party.ts'
import type { Reaper } from './reaper.ts'
import { isLost } from './servers.ts'
import type { BlockSpaces } from './spaces.ts'

/** Gives writers other blocks for those that they can no longer reach, as long as nothing of them was committed. */
export class BlockExchange {
  readonly #claims: Claims
  readonly #blocks: BlockSpaces
  readonly #reaper: Reaper

  constructor(claims: Claims, blocks: BlockSpaces, reaper: Reaper) {
    this.#claims = claims
    this.#blocks = blocks
    this.#reaper = reaper
  }

  /**
   * Answers the same block while its server may still be reached.
   * @throws GliderError NO_SPACE where its server is gone and no other has room, NOT_FOUND where the claim has no such block
   */
  replace({ claim: id, location }: HeadOf<typeof catalogue.replaceBlock>, { grant }: Party): BlockChain {
    const claim = this.#claims.get(id)
    const wanted = readLocation(Buffer.from(location, 'base64url'))
    const at = claim.blocks.findIndex(block => isAt(block, wanted))
    const old = claim.blocks[at]
    if (!old) {
      throw new GliderError(
        'NOT_FOUND',
        `${claim.path}: the block is no longer of this writer: its file was deleted or committed`,
      )
    }
    const { server } = old.space
    if (server.state === 'live') return chainAnswer([old], 'write', grant)
    const fresh = this.#blocks.takeInsteadOf(claim.order)
    if (fresh) {
      claim.blocks[at] = fresh
      this.#claims.changed(claim)
      this.#reaper.free([old])
      return chainAnswer([fresh], 'write', grant)
    }
    if (!isLost(server)) return chainAnswer([old], 'write', grant)
    const remedy = 'start another storage server and write again'
    throw new GliderError('NO_SPACE', `${claim.path}: ${server.id} at ${server.address} is gone and no other has room: ${remedy}`)
  }
}

function isAt({ space, index, epoch, counter }: Block, { incarnation, block, generation }: Location): boolean {
  return (
    index === block && counter === generation.counter && epoch === generation.epoch && space.server.incarnation === incarnation
  )
}
