/**
 * Write claims. Always holds: a file has at most one claim, and so has a path where a `put` is to make a file; keyvalues and
 * bags have any number. A block handed out under a claim is in `blocks` until a commit moves it into a node or the claim ends.
 */
import type { Randomness } from '../protocol/clock.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Block } from './blocks.ts'
import type { Caller } from './caller.ts'
import type { BagNode, BytesNode, HeldClaim, TableNode } from './node.ts'
import type { Reaper } from './reaper.ts'

export type ClaimMode = 'replace' | 'put' | 'append' | 'update'

/** What is written; undefined for a `put` that is to make a file. Of a table, the keyvalue under the claim's key. */
export type ClaimNode = BytesNode | BagNode | TableNode | undefined

export interface ClaimSubject {
  readonly mode: ClaimMode
  readonly node: ClaimNode
  /** In the table; empty where the node is none. */
  readonly key: string
  /** As at opening. */
  readonly path: string
  /** Whether the closing commit makes missing parents. */
  readonly parents: boolean
  /** Classes that new blocks come from. */
  readonly order: readonly string[]
}

export interface Claim extends ClaimSubject, HeldClaim {}

interface Held {
  readonly claim: Claim
  /** Stops waiting for the caller to go. */
  leave: () => void
}

export class Claims {
  readonly #randomness: Randomness
  readonly #reaper: Reaper
  readonly #held = new Map<string, Held>()
  readonly #byNewPath = new Map<string, Claim>()

  constructor(randomness: Randomness, reaper: Reaper) {
    this.#randomness = randomness
    this.#reaper = reaper
  }

  /** @throws GliderError BUSY */
  checkFree(node: ClaimNode, path: string): void {
    if (node ? node.type === 'file' && node.claim : this.#byNewPath.has(path)) {
      throw new GliderError('BUSY', `${path} is being written: try again when its writer has closed`)
    }
  }

  /** From here on the claim owns the blocks. It ends with its caller. */
  take(subject: ClaimSubject, blocks: Block[], caller: Caller): Claim {
    this.checkFree(subject.node, subject.path)
    const claim: Claim = { ...subject, id: this.#randomness.id(), blocks }
    if (!claim.node) this.#byNewPath.set(claim.path, claim)
    else if (claim.node.type === 'file') claim.node.claim = claim
    else if (claim.node.type === 'bag') claim.node.claims.add(claim)
    // Held before the caller is asked: one that has gone already ends the claim at once.
    const held: Held = { claim, leave: () => {} }
    this.#held.set(claim.id, held)
    held.leave = caller.onGone(() => this.end(claim))
    return claim
  }

  /** Every claim that is held throughout, once, whatever is taken and ended meanwhile. */
  *all(): Generator<Claim, undefined> {
    for (const { claim } of this.#held.values()) yield claim
    return undefined
  }

  find(id: string): Claim | undefined {
    return this.#held.get(id)?.claim
  }

  /** @throws GliderError NOT_FOUND */
  get(id: string): Claim {
    const claim = this.find(id)
    if (!claim) throw new GliderError('NOT_FOUND', `the write claim ${id} has ended: open the file for writing again`)
    return claim
  }

  /** Frees what was not committed. Ending a claim twice does nothing. */
  end(claim: Claim): void {
    const held = this.#held.get(claim.id)
    if (!held) return
    this.#held.delete(claim.id)
    if (!claim.node) this.#byNewPath.delete(claim.path)
    else if (claim.node.type === 'file') claim.node.claim = undefined
    else if (claim.node.type === 'bag') claim.node.claims.delete(claim)
    this.#reaper.free(claim.blocks.splice(0))
    held.leave()
  }
}
