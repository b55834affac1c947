/**
 * Clears up what a server holds that comes back from where this one did not see it. After a restart a storage server may hold
 * blocks of which the journal knows nothing: freed without its having been told, or handed out and never acknowledged. An active
 * server may have lost objects meanwhile, or have some that nobody knows.
 */
import { GliderError } from '../protocol/errors.ts'
import type { Log } from '../server/log.ts'
import type { Member } from './members.ts'
import type { Orphans } from './orphans.ts'
import { freeLeak, leaksOf } from './slot-check.ts'

export class Recovery {
  readonly #orphans: Orphans
  readonly #log: Log

  constructor(orphans: Orphans, log: Log) {
    this.#orphans = orphans
    this.#log = log
  }

  /** Answers whether all is cleared up; where its connection went, it is when the server comes back again. */
  async run(member: Member): Promise<boolean> {
    const { id } = member.server
    try {
      const cleared = await (member.role === 'storage' ? this.#clearBlocks(member.space) : this.#clearSlots(member.space))
      if (cleared > 0) this.#log.info({ server: id, cleared }, 'cleared up what a server held that had been away')
      return true
    } catch (thrown) {
      const error = GliderError.from(thrown)
      this.#log.warn({ server: id, error }, 'could not clear up what a server holds that had been away')
      return false
    }
  }

  async #clearBlocks(space: Parameters<Orphans['find']>[0]): Promise<number> {
    const found = await this.#orphans.find(space)
    await this.#orphans.free(space, found)
    return found.length
  }

  /** Until it is over no slot of the server is given out: one that is free here may be taken there. */
  async #clearSlots(space: Parameters<typeof leaksOf>[0]): Promise<number> {
    space.siblings.close(space)
    try {
      // Whatever is in a slot was put there for a node that was there.
      const leaks = await leaksOf(space, () => true)
      for (const leak of leaks) await freeLeak(space, leak)
      return leaks.length
    } finally {
      space.siblings.open(space)
    }
  }
}
