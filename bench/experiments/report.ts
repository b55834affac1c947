/** How a comparison is told, on the terminal and in the report of all. */
import type { Table } from '../experiment.ts'
import { printTable, verdict } from '../tables.ts'
import type { Case, Comparison, ToldComparison, WayFigures } from './figures.ts'
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
  return `${workers} ${workers === 1 ? 'worker' : 'workers'}, ${workerBandwidth === null ? 'no limit' : `${workerBandwidth} MB/s each`}`
}

/** What a figure near the data may be of that far from it, at most. */
export type Limits = Readonly<Partial<Record<ComparedFigure, number>>>

/** The figures of both ways beside each other, and with `limits` what is to be reached. */
export function tableOf(comparison: ToldComparison, limits?: Limits): Table {
  const phases = [...new Set(ways.flatMap(way => Object.keys(comparison[way].phases)))]
  const rows = [
    ...figureNames.map(figure => {
      const { title, unit, per } = measures[figure]
      const cells = row(title, unit, way => dividedBy(per, comparison[way][figure]))
      return [...cells, ...(limits ? [toReach(comparison, figure, limits[figure])] : [])]
    }),
    ...phases.map(phase => row(phaseTitle(phase), 's', way => comparison[way].phases[phase] ?? null)),
    ...toldRows(comparison),
  ]
  const head = ['figure', ...ways.map(way => wayTitles[way]), 'ratio', 'change', ...(limits ? ['to reach'] : [])]
  return {
    caption: caseName(comparison),
    head,
    rows: rows.map(cells => head.map((_, column) => cells[column] ?? '')),
  }
}

function toReach({ dataShipping, nearData }: Comparison, figure: ComparedFigure, limit: number | undefined): string {
  const [shipped, near] = [dataShipping[figure], nearData[figure]]
  if (limit === undefined || shipped === null || near === null || shipped === 0) return ''
  return verdict(`at most ${Number(limit.toFixed(3))}`, near / shipped <= limit)
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
  const size = Math.abs(change).toFixed(change < -99 ? 3 : 1)
  const sign = Number(size) === 0 ? '' : change > 0 ? '+' : '−'
  return `${sign}${size} %`
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 1 ? 2 : 3)
}

function dividedBy(per: number, value: number | null): number | null {
  return value === null ? null : value / per
}
