/** How a comparison is told, on the terminal and in the report of all. */
import type { Table } from '../experiment.ts'
import { printTable } from '../tables.ts'
import type { Case, ToldComparison, WayFigures } from './figures.ts'
import { type WayName, ways, wayTitles } from './ways.ts'

export type ComparedFigure = Exclude<keyof WayFigures, 'phases'>

interface Measure {
  readonly title: string
  readonly unit: string
  /** What is one of the unit. */
  readonly per: number
}

export const measures: Readonly<Record<ComparedFigure, Measure>> = {
  seconds: { title: 'time', unit: 's', per: 1 },
  bytesMoved: { title: 'bytes moved', unit: 'MB', per: 1e6 },
  ingestedBytes: { title: 'bytes ingested by workers', unit: 'MB', per: 1e6 },
  storedPeakBytes: { title: 'bytes stored at the peak', unit: 'MB', per: 1e6 },
  cpuSeconds: { title: 'CPU of all processes', unit: 's', per: 1 },
}
export const figureNames = Object.keys(measures) as ComparedFigure[]

export function phaseTitle(phase: string): string {
  return `time of ${phase}`
}

export function caseName({ workers, workerBandwidth }: Case): string {
  return `${workers} workers, ${workerBandwidth === null ? 'no limit' : `${workerBandwidth} MB/s each`}`
}

/** The figures of both ways beside each other. */
export function tableOf(comparison: ToldComparison): Table {
  const phases = [...new Set(ways.flatMap(way => Object.keys(comparison[way].phases)))]
  return {
    caption: caseName(comparison),
    head: ['figure', ...ways.map(way => wayTitles[way]), 'ratio', 'change'],
    rows: [
      ...figureNames.map(figure => {
        const { title, unit, per } = measures[figure]
        return row(title, unit, way => dividedBy(per, comparison[way][figure]))
      }),
      ...phases.map(phase => row(phaseTitle(phase), 's', way => comparison[way].phases[phase] ?? null)),
      ...toldRows(comparison),
    ],
  }
}

/** On the terminal. */
export function printComparison(name: string, comparison: ToldComparison): void {
  const table = tableOf(comparison)
  printTable({ ...table, caption: `${name}: ${table.caption}` })
}

function toldRows({ inputBytes, bound, spilledBytes = 0, ...comparison }: ToldComparison): string[][] {
  const rows: string[][] = []
  if (inputBytes !== undefined) {
    const rate = (way: WayName): number => inputBytes / 1e6 / comparison[way].seconds
    rows.push(row(`throughput of ${(inputBytes / 1e6).toFixed(0)} MB`, 'MB/s', rate))
  }
  if (bound !== undefined) rows.push(['bound of time on two busy cores, (G+P)/(G+2P)', '', '', bound.toFixed(3), ''])
  if (spilledBytes > 0) rows.push(['bytes spilled by actions', '', `${digits(spilledBytes / 1e6)} MB`, '', ''])
  return rows
}

function row(title: string, unit: string, figure: (way: WayName) => number | null): string[] {
  const [shipped, near] = [figure('dataShipping'), figure('nearData')]
  const cell = (value: number | null): string => (value === null ? '–' : `${digits(value)} ${unit}`)
  const isRatio = shipped !== null && near !== null && shipped !== 0
  return [title, cell(shipped), cell(near), ...(isRatio ? [(near / shipped).toFixed(3), fall(near, shipped)] : ['', ''])]
}

/** By how much it changes near the data. */
export function fall(near: number, shipped: number): string {
  const change = 100 * (near / shipped - 1)
  return `${change > 0 ? '+' : '−'}${Math.abs(change).toFixed(change < -99 ? 3 : 1)} %`
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 1 ? 2 : 3)
}

function dividedBy(per: number, value: number | null): number | null {
  return value === null ? null : value / per
}
