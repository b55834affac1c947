/**
 * Write claims. Always holds: a file has at most one claim, and so has a path where a `put` is to make a file; keyvalues and
 * bags have any number. A block handed out under a claim is in `blocks` until a commit moves it into a node or the claim ends.
 *
 * A claim ends with the connection of its caller. After a restart it waits a while for the caller to come back.
 */
import type { Clock, Randomness, Timer } from '../protocol/clock.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Block } from './blocks.ts'
import type { Claim, ClaimNode, ClaimSubject } from './claim.ts'
import type { Journal } from './journal/journal.ts'
import type { Limits } from './limits.ts'
import type { Party } from './party.ts'
import type { Reaper } from './reaper.ts'

export interface ClaimsParts {
  readonly clock: Clock
  readonly randomness: Randomness
  readonly reaper: Reaper
  readonly journal: Journal
  readonly limits?: Limits
}

/** As long as a client repeats its operations, by default. */
const RETURN_MS = 30_000

interface Held {
  readonly claim: Claim
  /** Stops waiting for the caller to go. */
  leave: () => void
}

export class Claims {
  readonly #parts: ClaimsParts
  readonly #held = new Map<string, Held>()
  readonly #byNewPath = new Map<string, Claim>()
  /** Restored ones, by the client that has not come back yet. */
  readonly #waiting = new Map<string, Held[]>()
  #patience: Timer | undefined

  constructor(parts: ClaimsParts) {
    this.#parts = parts
  }

  /** @throws GliderError QUOTA_EXCEEDED where there are as many as may be */
  checkCount(): void {
    this.#parts.limits?.check('streams', this.#held.size)
  }

  /** @throws GliderError BUSY */
  checkFree(node: ClaimNode, path: string): void {
    if (node ? node.type === 'file' && node.claim : this.#byNewPath.has(path)) {
      throw new GliderError('BUSY', `${path} is being written: try again when its writer has closed`)
    }
  }

  /** From here on the claim owns the blocks. It ends with its caller. */
  take(subject: ClaimSubject, blocks: Block[], caller: Party): Claim {
    this.checkFree(subject.node, subject.path)
    const { randomness } = this.#parts
    const claim: Claim = { ...subject, id: randomness.id(), clientId: caller.clientId, blocks }
    // Held before the caller is asked: one that has gone already ends the claim at once.
    const held = this.#hold(claim)
    this.changed(claim)
    held.leave = caller.onGone(() => this.end(claim))
    return claim
  }

  /** Its blocks have changed. */
  changed(claim: Claim): void {
    this.#parts.journal.keep('claim', claim)
  }

  /** Puts a claim back that was there at an earlier start: it waits for its client to come back. */
  restore(claim: Claim): void {
    const held = this.#hold(claim)
    const { clientId = '' } = claim
    const waiting = this.#waiting.get(clientId)
    if (waiting) waiting.push(held)
    else this.#waiting.set(clientId, [held])
    this.#patience ??= this.#parts.clock.after(RETURN_MS, () => this.#giveUp())
  }

  /** A client has asked for something: what waits for it is its own again. */
  returned(caller: Party): void {
    if (this.#waiting.size === 0 || caller.clientId === undefined) return
    const waiting = this.#waiting.get(caller.clientId) ?? []
    this.#waiting.delete(caller.clientId)
    for (const held of waiting) held.leave = caller.onGone(() => this.end(held.claim))
  }

  get size(): number {
    return this.#held.size
  }

  /** How many have blocks of a space that are not committed. */
  on(space: object): number {
    let claims = 0
    for (const { claim } of this.#held.values()) if (claim.blocks.some(block => block.space === space)) claims += 1
    return claims
  }

  /** Every claim that is held throughout, once, whatever is taken and ended meanwhile. */
  *all(): Generator<Claim, undefined> {
    for (const { claim } of this.#held.values()) yield claim
    return undefined
  }

  find(id: string): Claim | undefined {
    return this.#held.get(id)?.claim
  }

  /**
   * Of a file that was deleted the claim is still there, so one that is not went with the connection of its writer.
   * @throws GliderError UNAVAILABLE
   */
  get(id: string): Claim {
    const claim = this.find(id)
    if (claim) return claim
    throw new GliderError('UNAVAILABLE', `the write claim ${id} ended when its writer was cut off: open the file and write again`)
  }

  /** Frees what was not committed. Ending a claim twice does nothing. */
  end(claim: Claim): void {
    const held = this.#held.get(claim.id)
    if (!held) return
    this.#held.delete(claim.id)
    if (!claim.node) this.#byNewPath.delete(claim.path)
    else if (claim.node.type === 'file') claim.node.claim = undefined
    else if (claim.node.type === 'bag') claim.node.claims.delete(claim)
    this.#parts.reaper.free(claim.blocks.splice(0))
    this.#parts.journal.drop('claim', claim)
    held.leave()
  }

  stop(): void {
    this.#patience?.cancel()
  }

  #hold(claim: Claim): Held {
    if (!claim.node) this.#byNewPath.set(claim.path, claim)
    else if (claim.node.type === 'file') claim.node.claim = claim
    else if (claim.node.type === 'bag') claim.node.claims.add(claim)
    const held: Held = { claim, leave: () => {} }
    this.#held.set(claim.id, held)
    return held
  }

  #giveUp(): void {
    const waiting = [...this.#waiting.values()].flat()
    this.#waiting.clear()
    for (const { claim } of waiting) this.end(claim)
  }
}
