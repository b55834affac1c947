/**
 * Shares what a namespace may have of open streams of actions out among its active servers, which keep to their shares by themselves.
 * Always holds: all shares, and what is still open of greater ones, are within the quota together. So nothing is given to one server
 * before another has said that it has it no longer.
 */
import type { OpenStreamsReport } from '../protocol/membership-operations.ts'

interface Share {
  /** What the server may have open, as far as anybody knows. */
  held: number
  /** For so many more reports it is taken to need more than it has: it has refused a stream, and uses all that it has. */
  readonly short: number
  /** For so many more reports it is left what it was given when it was short. */
  readonly keeps: number
}

/** One that could not have what it needed is likely to ask again, and the others need two reports to give it away. */
const REPORTS = 10

/** @template Server what names one */
export class StreamShares<Server> {
  readonly #servers: () => readonly Server[]
  readonly #quota: () => number | undefined
  readonly #shares = new Map<Server, Share>()

  /**
   * @param servers those of the namespace that there are now
   * @param quota undefined for none
   */
  constructor(servers: () => readonly Server[], quota: () => number | undefined) {
    this.#servers = servers
    this.#quota = quota
  }

  /** What a server may have open from now on, by what it has said; undefined for any number. */
  of(server: Server, report: OpenStreamsReport): number | undefined {
    const servers = this.#servers()
    for (const known of this.#shares.keys()) if (!servers.includes(known)) this.#shares.delete(known)
    const own = shareOf(report, this.#shares.get(server))
    this.#shares.set(server, own)
    const quota = this.#quota()
    if (quota === undefined) return undefined
    const others = servers.filter(other => other !== server).map(other => this.#shares.get(other))
    // One that comes back after a restart of this server may have any share: until it has said, nobody's grows.
    const isKnown = !others.includes(undefined)
    const left = Math.max(0, quota - others.reduce((sum, share) => sum + (share?.held ?? 0), 0))
    const most = isKnown ? left : Math.min(left, own.held)
    const at = servers.indexOf(server)
    const even = Math.floor(quota / servers.length) + (at < quota % servers.length ? 1 : 0)
    const isAnotherShort = others.some(share => share !== undefined && share.short > 0)
    const given = Math.min(most, wanted(own, report.open, even, isAnotherShort))
    own.held = Math.max(own.held, given)
    return given
  }
}

function shareOf({ open, allowed = open, refused }: OpenStreamsReport, before: Share | undefined): Share {
  const held = Math.max(open, allowed)
  if (refused) return { held, short: REPORTS, keeps: REPORTS }
  const { short = 0, keeps = 0 } = before ?? {}
  return { held, short: open < allowed ? 0 : Math.max(0, short - 1), keeps: Math.max(0, keeps - 1) }
}

/** Who is short gets what the others do not use; where all are, each has the same. */
function wanted({ short, keeps }: Share, open: number, even: number, isAnotherShort: boolean): number {
  if (isAnotherShort) return short > 0 ? Math.max(open, even) : Math.min(open, even)
  return keeps > 0 ? Number.POSITIVE_INFINITY : Math.max(open, even)
}
