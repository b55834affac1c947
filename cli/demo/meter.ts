import type { Counters } from '../../client/index.ts'

/** What one way of doing a job took. */
export interface WayFigures {
  readonly seconds: number
  /** Seconds of each phase, in their order. What happens between phases, measuring and checking, is no time of the way. */
  readonly phases: Readonly<Record<string, number>>
  /** Between workers and the store, both directions together. */
  readonly bytesMoved: number
  readonly bytesToStore: number
  readonly bytesFromStore: number
  readonly transfers: number
  /** Intermediate bytes that the store held when they were most. */
  readonly storedPeakBytes: number
}

/** Adds up what the phases of one way took and what they moved. */
export class Meter {
  readonly #phases: Record<string, number> = {}
  #bytesToStore = 0
  #bytesFromStore = 0
  #transfers = 0
  #storedPeakBytes = 0

  took(phase: string, seconds: number): void {
    this.#phases[phase] = milliseconds(seconds)
  }

  moved({ bytesSent, bytesReceived, transfers }: Counters): void {
    this.#bytesToStore += bytesSent
    this.#bytesFromStore += bytesReceived
    this.#transfers += transfers
  }

  stored(bytes: number): void {
    this.#storedPeakBytes = Math.max(this.#storedPeakBytes, bytes)
  }

  figures(): WayFigures {
    return {
      seconds: milliseconds(Object.values(this.#phases).reduce((sum, seconds) => sum + seconds, 0)),
      phases: { ...this.#phases },
      bytesMoved: this.#bytesToStore + this.#bytesFromStore,
      bytesToStore: this.#bytesToStore,
      bytesFromStore: this.#bytesFromStore,
      transfers: this.#transfers,
      storedPeakBytes: this.#storedPeakBytes,
    }
  }
}

/** More digits than these mean nothing. */
function milliseconds(seconds: number): number {
  return Math.round(seconds * 1e3) / 1e3
}
