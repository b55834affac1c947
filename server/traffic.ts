import type { TrafficReport, TrafficRow } from '../protocol/membership-operations.ts'

/** What clients and actions of one namespace have had done here, since the server was started. */
export class Traffic {
  operations = 0
  bytesIn = 0
  bytesOut = 0
  /** In milliseconds: how long its actions had a thread busy. */
  actionMs = 0
}

/** So many fit well into the head of one frame. */
const MOST_ROWS = 500

/**
 * Tells the metadata server of traffic along with the heartbeats. Always holds: a report stays as it is, under its number, until it was
 * answered, so that however often it is sent, and whatever answer gets lost, nothing counts twice or is left out.
 */
export class TrafficReports {
  readonly #all: () => Iterable<readonly [namespace: number, traffic: Traffic]>
  readonly #told = new Map<number, Traffic>()
  #number = 0
  #pending: TrafficReport | undefined

  constructor(all: () => Iterable<readonly [namespace: number, traffic: Traffic]>) {
    this.#all = all
  }

  /** Undefined where there is nothing to tell. */
  next(): TrafficReport | undefined {
    this.#pending ??= this.#gather()
    return this.#pending
  }

  answered(number: number | undefined): void {
    if (this.#pending && this.#pending.number === number) this.#pending = undefined
  }

  #gather(): TrafficReport | undefined {
    const rows: TrafficRow[] = []
    for (const [namespace, traffic] of this.#all()) {
      const told = this.#told.get(namespace) ?? new Traffic()
      const actionMs = Math.floor(traffic.actionMs)
      const { operations, bytesIn, bytesOut } = traffic
      const row: TrafficRow = [
        namespace,
        operations - told.operations,
        bytesIn - told.bytesIn,
        bytesOut - told.bytesOut,
        actionMs - told.actionMs,
      ]
      if (!row.some((value, at) => at > 0 && value > 0)) continue
      rows.push(row)
      this.#told.set(namespace, { operations, bytesIn, bytesOut, actionMs })
      if (rows.length === MOST_ROWS) break
    }
    if (rows.length === 0) return undefined
    this.#number += 1
    return { number: this.#number, rows }
  }
}
