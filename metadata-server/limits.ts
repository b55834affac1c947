/** What a namespace may have at most. Always holds: what is checked here is checked in the turn in which it is taken. */
import type { Quota } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'

export class Limits {
  readonly quota: Quota
  readonly #namespace: string

  constructor(namespace: string, quota: Quota = {}) {
    this.#namespace = namespace
    this.quota = quota
  }

  /** @throws GliderError QUOTA_EXCEEDED where so many more would be too many */
  check(what: keyof Quota, used: number, more = 1): void {
    const most = this.quota[what]
    if (most !== undefined && used + more > most) throw this.exceeded(what, used)
  }

  exceeded(what: keyof Quota, used: number): GliderError {
    const most = this.quota[what] ?? 0
    return new GliderError(
      'QUOTA_EXCEEDED',
      `the namespace ${this.#namespace} has ${used} of its quota of ${most} ${what}: ${remedies[what]}, or ask the operator for more`,
    )
  }
}

const remedies: Record<keyof Quota, string> = {
  bytes: 'delete something',
  nodes: 'delete some',
  slots: 'delete an object',
  streams: 'close some',
}

/** Of a namespace without a quota. */
export const noLimits = new Limits('default')
