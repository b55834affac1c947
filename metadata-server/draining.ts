import type { OperationName } from '../protocol/catalogue.ts'
import type { GliderError } from '../protocol/errors.ts'

/** What belongs to streams that run, to leases that are held, and to the servers of the cluster. */
const GOES_ON: ReadonlySet<string> = new Set([
  'extend',
  'replaceBlock',
  'commit',
  'release',
  'locate',
  'locateParts',
  'renewLease',
  'releaseLease',
  'heartbeat',
  'objectsLost',
  'leaving',
  'servers',
  'usage',
] satisfies OperationName[])

/** Lets operations in until the metadata server is draining; from then on only what belongs to that which was begun before. */
export class Draining {
  #why: GliderError | undefined

  begin(why: GliderError): void {
    this.#why = why
  }

  /** @throws GliderError UNAVAILABLE */
  check(operation: string): void {
    if (this.#why && !GOES_ON.has(operation)) throw this.#why
  }
}
