import { GliderError } from '../protocol/errors.ts'
import type { BlockRef } from './block-io.ts'

interface Batch {
  readonly locations: readonly string[]
  readonly servers: Readonly<Record<string, string>>
}

/** The known locations of a node's blocks, by their index in its chain. */
export class BlockChain {
  readonly #refs: (BlockRef | undefined)[] = []

  /** How many blocks are known, up to the highest index. */
  get length(): number {
    return this.#refs.length
  }

  get(index: number): BlockRef | undefined {
    return this.#refs[index]
  }

  add(first: number, { locations, servers }: Batch): void {
    for (const [i, text] of locations.entries()) {
      const location = Buffer.from(text, 'base64url')
      const incarnation = location.toString('latin1', 0, 12)
      const address = servers[incarnation]
      if (!address) throw new GliderError('PROTOCOL_ERROR', `a block is on server ${incarnation}, whose address was not told`)
      this.#refs[first + i] = { location, address, written: false }
    }
  }
}
