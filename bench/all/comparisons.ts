/** Experiments that do the same work in two ways, far from the data and near it. */

import type { Experiment, Outcome, PaperLine, Plot, Progress, RawRounds, Samples, Scale } from '../experiment.ts'
import type { Case, Comparison, ToldComparison, WayRounds } from '../experiments/figures.ts'
import {
  type ComparedFigure,
  caseName,
  fall,
  figureNames,
  type Limits,
  measures,
  phaseTitle,
  tableOf,
} from '../experiments/report.ts'
import { ways, wayTitles } from '../experiments/ways.ts'
import { barPlot, stackedPlot } from '../plots.ts'

/** `rounds` has every counted round; without it the medians stand for one. */
export type MeasuredComparison = ToldComparison & { readonly rounds?: WayRounds | undefined }

/** What the paper tells of a figure: by how much it falls near the data, over links such as its workers had. */
export interface PaperFall {
  readonly what: string
  readonly figure: ComparedFigure
  readonly paper: string
}

export interface Comparing {
  readonly name: string
  readonly title: string
  readonly seconds: number
  readonly workers: readonly number[]
  readonly falls: readonly PaperFall[]
  readonly limits: (wanted: Case) => Limits
  /** Figures that are drawn, and the file of each. */
  readonly drawn: readonly { readonly figure: ComparedFigure; readonly file: string; readonly caption: string }[]
  readonly run: (wanted: Case, scale: Scale, progress: Progress) => Promise<MeasuredComparison>
}

/** In MB/s. */
export const CLOUD_BANDWIDTH = 75
/** As much as there is, what a cloud function gets, and a third of that. */
const BANDWIDTHS = [null, CLOUD_BANDWIDTH, CLOUD_BANDWIDTH / 3]

export function comparingExperiment({
  drawn,
  falls,
  limits,
  workers,
  run,
  ...facts
}: Comparing): Experiment<readonly ToldComparison[]> {
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
    plots: ({ figures }) =>
      drawn.map(({ figure, file, caption }) => ({ name: file, caption, spec: plotOf(figures, figure, caption) })),
    tables: ({ figures }) => figures.map(comparison => tableOf(comparison, limits(comparison))),
    paper: outcome => falls.flatMap(fallen => paperLines(fallen, outcome)),
  }
}

/** Every figure, and the time of every phase. */
function roundsOf(measured: MeasuredComparison): RawRounds {
  const samples: Record<string, Samples> = {}
  for (const way of ways) {
    const rounds = measured.rounds?.[way] ?? [measured[way]]
    const note = (title: string, unit: string, values: readonly (number | null | undefined)[]): void => {
      const known = values.filter(value => typeof value === 'number')
      if (known.length > 0)
        samples[`${caseName(measured)}, ${wayTitles[way]}, ${title}`] = { unit, better: 'less', values: known }
    }
    for (const figure of figureNames) {
      const { title, unit, per } = measures[figure]
      note(
        title,
        unit,
        rounds.map(round => round[figure]).map(value => value && value / per),
      )
    }
    for (const phase of Object.keys(measured[way].phases)) {
      note(
        phaseTitle(phase),
        's',
        rounds.map(({ phases }) => phases[phase]),
      )
    }
  }
  return samples
}

function plotOf(figures: readonly Comparison[], figure: ComparedFigure, title: string): Plot['spec'] {
  const { title: measure, unit, per } = measures[figure]
  const y = `${measure}, ${unit}`
  if (figure === 'seconds') {
    const bars = figures.flatMap(comparison =>
      ways.flatMap(way =>
        Object.entries(comparison[way].phases).map(([part, seconds]) => ({
          group: caseName(comparison),
          series: wayTitles[way],
          part,
          y: seconds,
        })),
      ),
    )
    return stackedPlot({ title, bars, y })
  }
  const bars = figures.flatMap(comparison =>
    ways.map(way => ({ group: caseName(comparison), series: wayTitles[way], y: (comparison[way][figure] ?? 0) / per })),
  )
  return barPlot({ title, bars, y })
}

/** Of time also how many times faster that is. */
function paperLines({ what, figure, paper }: PaperFall, { figures }: Outcome<readonly Comparison[]>): PaperLine[] {
  return figures.flatMap(comparison => {
    const [shipped, near] = [comparison.dataShipping[figure], comparison.nearData[figure]]
    if (shipped === null || near === null || shipped === 0) return []
    const times = figure === 'seconds' ? `, ${(shipped / near).toFixed(2)} times as fast` : ''
    return [{ what: `${what} (${caseName(comparison)})`, ours: `${fall(near, shipped)}${times}`, paper }]
  })
}
