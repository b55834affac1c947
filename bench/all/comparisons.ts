/** Experiments that do the same work in two ways, far from the data and near it. */

import type { Experiment, Outcome, PaperLine, Plot, Progress, RawRounds, Scale, Table } from '../experiment.ts'
import type { Comparison, WayFigures } from '../experiments/figures.ts'
import { barPlot, stackedPlot } from '../plots.ts'

export const ways = ['dataShipping', 'nearData'] as const
type Way = (typeof ways)[number]

/** `rounds` has every counted round; without it the medians stand for one. */
export interface MeasuredComparison extends Comparison {
  readonly rounds?: Readonly<Record<Way, readonly WayFigures[]>> | undefined
}

export type ComparedFigure = 'seconds' | 'bytesMoved' | 'ingestedBytes' | 'storedPeakBytes' | 'cpuSeconds'

/** What the paper tells of a figure: by how much it falls near the data, over links such as its workers had. */
export interface PaperFall {
  readonly what: string
  readonly figure: ComparedFigure
  readonly paper: string
}

export interface Case {
  readonly workers: number
  readonly workerBandwidth: number | null
}

export interface Comparing {
  readonly name: string
  readonly title: string
  readonly seconds: number
  readonly workers: readonly number[]
  readonly falls: readonly PaperFall[]
  /** Figures that are drawn, and the file of each. */
  readonly drawn: readonly { readonly figure: ComparedFigure; readonly file: string; readonly caption: string }[]
  readonly run: (wanted: Case, scale: Scale, progress: Progress) => Promise<MeasuredComparison>
}

/** As much as there is, what a cloud function gets, and a third of that. */
const BANDWIDTHS = [null, 75, 25]

const shown: Readonly<Record<ComparedFigure, { readonly title: string; readonly unit: string; readonly per: number }>> = {
  seconds: { title: 'time', unit: 's', per: 1 },
  bytesMoved: { title: 'bytes moved', unit: 'MB', per: 1e6 },
  ingestedBytes: { title: 'bytes ingested by workers', unit: 'MB', per: 1e6 },
  storedPeakBytes: { title: 'bytes stored at the peak', unit: 'MB', per: 1e6 },
  cpuSeconds: { title: 'CPU of all processes', unit: 's', per: 1 },
}
const figureNames = Object.keys(shown) as ComparedFigure[]
const wayNames: Readonly<Record<Way, string>> = { dataShipping: 'data-shipping', nearData: 'near-data' }

export function comparingExperiment({ drawn, falls, workers, run, ...facts }: Comparing): Experiment<readonly Comparison[]> {
  return {
    ...facts,
    async run(scale, progress) {
      const measured: MeasuredComparison[] = []
      for (const workerBandwidth of scale.quick ? [null] : BANDWIDTHS) {
        for (const count of scale.quick ? workers.slice(0, 1) : workers) {
          const wanted = { workers: count, workerBandwidth }
          measured.push(await run(wanted, scale, text => progress(`${caseName(wanted)}, ${text}`)))
        }
      }
      const figures = measured.map(({ rounds: _, ...comparison }) => comparison)
      return { rounds: Object.assign({}, ...measured.map(roundsOf)) as RawRounds, figures }
    },
    plots: ({ figures }) => drawn.map(({ figure, file, caption }) => ({ name: file, caption, spec: plotOf(figures, figure) })),
    tables: ({ figures }) => figures.map(tableOf),
    paper: outcome => falls.flatMap(fall => paperLines(fall, outcome)),
  }
}

function caseName({ workers, workerBandwidth }: Case): string {
  return `${workers} workers, ${workerBandwidth === null ? 'no limit' : `${workerBandwidth} MB/s each`}`
}

function roundsOf(measured: MeasuredComparison): RawRounds {
  const samples: Record<string, RawRounds[string]> = {}
  for (const way of ways) {
    const rounds = measured.rounds?.[way] ?? [measured[way]]
    for (const figure of figureNames) {
      const { title, unit, per } = shown[figure]
      const values = rounds.map(round => round[figure]).filter(value => value !== null)
      if (values.length === 0) continue
      const name = `${caseName(measured)}, ${wayNames[way]}, ${title}`
      samples[name] = { unit, better: 'less', values: values.map(value => value / per) }
    }
  }
  return samples
}

function tableOf(comparison: Comparison): Table {
  const { dataShipping, nearData } = comparison
  const row = (title: string, shipped: number | null, near: number | null, unit: string): string[] => {
    const cell = (value: number | null): string => (value === null ? '–' : `${digits(value)} ${unit}`)
    return [title, cell(shipped), cell(near), shipped === null || near === null ? '' : fall(near, shipped)]
  }
  const phases = [...new Set(ways.flatMap(way => Object.keys(comparison[way].phases)))]
  return {
    caption: caseName(comparison),
    head: ['figure', wayNames.dataShipping, wayNames.nearData, 'change'],
    rows: [
      ...figureNames.map(figure => {
        const { title, unit, per } = shown[figure]
        const inUnit = (value: number | null): number | null => value && value / per
        return row(title, inUnit(dataShipping[figure]), inUnit(nearData[figure]), unit)
      }),
      ...phases.map(phase => row(`time of ${phase}`, dataShipping.phases[phase] ?? null, nearData.phases[phase] ?? null, 's')),
    ],
  }
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 1 ? 2 : 3)
}

/** Of time also how many times faster that is. */
function fall(near: number, shipped: number): string {
  if (shipped === 0) return ''
  const change = 100 * (near / shipped - 1)
  return `${change > 0 ? '+' : '−'}${Math.abs(change).toFixed(change < -99 ? 3 : 1)} %`
}

function plotOf(figures: readonly Comparison[], figure: ComparedFigure): Plot['spec'] {
  const { title, unit, per } = shown[figure]
  const y = `${title}, ${unit}`
  if (figure === 'seconds') {
    const bars = figures.flatMap(comparison =>
      ways.flatMap(way =>
        Object.entries(comparison[way].phases).map(([part, seconds]) => ({
          group: caseName(comparison),
          series: wayNames[way],
          part,
          y: seconds,
        })),
      ),
    )
    return stackedPlot({ bars, y })
  }
  const bars = figures.flatMap(comparison =>
    ways.map(way => ({ group: caseName(comparison), series: wayNames[way], y: (comparison[way][figure] ?? 0) / per })),
  )
  return barPlot({ bars, y })
}

function paperLines({ what, figure, paper }: PaperFall, { figures }: Outcome<readonly Comparison[]>): PaperLine[] {
  return figures.flatMap(comparison => {
    const [shipped, near] = [comparison.dataShipping[figure], comparison.nearData[figure]]
    if (shipped === null || near === null || shipped === 0) return []
    const times = figure === 'seconds' ? `, ${(shipped / near).toFixed(2)} times as fast` : ''
    return [{ what: `${what} (${caseName(comparison)})`, ours: `${fall(near, shipped)}${times}`, paper }]
  })
}
