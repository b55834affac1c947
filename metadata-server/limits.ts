/** What a namespace may have at most. Always holds: what is checked here is checked in the turn in which it is taken. */
import type { Quota } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { countOf } from '../protocol/units.ts'

export class Limits {
  quota: Quota
  readonly #namespace: string

  constructor(namespace: string, quota: Quota = {}) {
    this.#namespace = namespace
    this.quota = quota
  }

  /** @throws GliderError QUOTA_EXCEEDED where so many more would be too many */
  check(what: keyof Quota, used: number, more = 1): void {
    const most = this.quota[what]
    if (most !== undefined && used + more > most)
      throw this.#exceeded(what, used, more > 1 ? `, and this takes ${more} more` : '')
  }

  /** @param used in bytes: more than those that tables tell of, which are committed */
  exceededByBlocks(used: number): GliderError {
    return this.#exceeded('bytes', used, ', as each block counts whole')
  }

  #exceeded(what: keyof Quota, used: number, how: string): GliderError {
    const quota = countOf(this.quota[what] ?? 0, ONE[what])
    const message = `the namespace ${this.#namespace} has ${used} of its quota of ${quota}${how}`
    return new GliderError('QUOTA_EXCEEDED', `${message}: ${REMEDIES[what]}, or ask the operator for more`)
  }
}

const ONE: Record<keyof Quota, string> = { bytes: 'byte', nodes: 'node', slots: 'slot', streams: 'stream' }

const REMEDIES: Record<keyof Quota, string> = {
  bytes: 'delete something',
  nodes: 'delete some',
  slots: 'delete an object',
  streams: 'close some',
}

/** Of a namespace without a quota. */
export const noLimits = new Limits('default')
