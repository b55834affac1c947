import { median } from '../rounds.ts'
import type { WayName } from './ways.ts'

/** What one way of doing the work took. */
export interface WayFigures {
  /** Of all phases together. */
  readonly seconds: number
  readonly phases: Readonly<Record<string, number>>
  /** Between workers and the store, both directions together. */
  readonly bytesMoved: number
  /** From the store to workers. */
  readonly ingestedBytes: number
  /** Beyond what was there at the beginning. */
  readonly storedPeakBytes: number
  /** Of all servers and workers; null where the system does not tell. */
  readonly cpuSeconds: number | null
}

/** Every counted round. */
export type WayRounds = Readonly<Record<WayName, readonly WayFigures[]>>

/** With what an experiment is done. */
export interface Case {
  readonly workers: number
  /** MB/s of each worker in each direction; null for no limit. */
  readonly workerBandwidth: number | null
}

/** Both ways of one experiment: what `--json` prints. */
export interface Comparison extends Case, Readonly<Record<WayName, WayFigures>> {}

/** What is told beside the figures. */
export interface Told {
  /** Of the input that throughput is of. */
  readonly inputBytes?: number
  /** Of the time on two busy cores, near the data to far from it: no design can do better. */
  readonly bound?: number
  /** By actions, from their memory into files of the store, at most. */
  readonly spilledBytes?: number
}

export type ToldComparison = Comparison & Told

/** A whole experiment. */
export interface Measured {
  readonly comparison: Comparison
  readonly raw: WayRounds
  readonly told: Told
}

/** Each figure by itself: its median over the rounds. */
export function medianFigures(rounds: readonly WayFigures[]): WayFigures {
  const of = (figure: (round: WayFigures) => number): number => median(rounds.map(figure))
  const cpu = rounds.map(({ cpuSeconds }) => cpuSeconds).filter(seconds => seconds !== null)
  return {
    seconds: seconds(of(round => round.seconds)),
    phases: Object.fromEntries(
      Object.keys(rounds[0]!.phases).map(name => [name, seconds(of(({ phases }) => phases[name]!))] as const),
    ),
    bytesMoved: of(({ bytesMoved }) => bytesMoved),
    ingestedBytes: of(({ ingestedBytes }) => ingestedBytes),
    storedPeakBytes: of(({ storedPeakBytes }) => storedPeakBytes),
    cpuSeconds: cpu.length === rounds.length ? seconds(median(cpu)) : null,
  }
}

/** More digits mean nothing. */
function seconds(value: number): number {
  return Math.round(value * 1e3) / 1e3
}
