import { type AnswerOf, catalogue } from '../protocol/catalogue.ts'
import type { Log } from '../server/log.ts'
import type { Membership } from './membership.ts'

const DEFAULT_MOST = 20
const ANSWER_MS = 2_000

/** What the objects of all active servers do; a server that does not answer is left out. */
export class Activity {
  readonly #membership: Membership
  readonly #log: Log

  constructor(membership: Membership, log: Log) {
    this.#membership = membership
    this.#log = log
  }

  async list(most = DEFAULT_MOST): Promise<AnswerOf<typeof catalogue.activity>> {
    const asked = this.#membership.members().map(async ({ role, server: { id, connection } }) => {
      if (role !== 'active' || !connection) return []
      try {
        const { head } = await connection.request(catalogue.listActivity, { most }, { timeoutMs: ANSWER_MS })
        return head.objects.map(object => ({ ...object, server: id }))
      } catch (error) {
        this.#log.debug({ server: id, error }, 'a server did not tell what its objects do')
        return []
      }
    })
    return { objects: (await Promise.all(asked)).flat() }
  }
}
