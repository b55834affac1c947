/** Experiments that are a list of figures, each held against others of the same run. */
import type { Experiment, Outcome, PaperLine, Plot, Progress, RawRounds, Scale, Table } from './experiment.ts'
import { barPlot } from './plots.ts'
import { median, type Rounds } from './rounds.ts'
import { share, unheld, verdict, whole } from './tables.ts'

export interface RateKind {
  /** Figures of one section stand in one table. */
  readonly section: string
  readonly unit: string
  /** Shares to be reached of other figures, of the highest where there are several. */
  readonly targets?: readonly { readonly of: readonly string[]; readonly least: number }[]
  /** Of a figure that is to be small. */
  readonly most?: number
  /** What is said where there is no such figure beside others of its section. @default nothing is said of it */
  readonly absent?: string
  /** @default 'less' where there is a `most`, otherwise 'more' */
  readonly better?: 'more' | 'less'
}

export type RateKinds = Readonly<Record<string, RateKind>>

/** The median of every figure that was measured. */
export type RateFigures = Readonly<Record<string, number>>

export interface Rates {
  readonly name: string
  readonly title: string
  readonly seconds: number
  /** In the order in which they are told. */
  readonly kinds: RateKinds
  /** Titles of sections that are more than their names. */
  readonly sections?: Readonly<Record<string, string>>
  /** The section that is drawn, if any. */
  readonly drawn?: string
  /** What cannot be measured here is left out. */
  readonly run: (scale: Scale, progress: Progress) => Promise<Partial<Rounds>>
  readonly paper?: (figures: RateFigures) => readonly PaperLine[]
}

export function ratesExperiment({
  name,
  title,
  seconds,
  kinds,
  sections = {},
  drawn,
  run,
  paper,
}: Rates): Experiment<RateFigures> {
  return {
    name,
    title,
    seconds,
    run: async (scale, progress) => outcomeOf(kinds, await run(scale, progress)),
    plots: ({ figures }) =>
      drawn === undefined ? [] : plotsOf(name, sections[drawn] ?? drawn, namesOf(kinds, figures, drawn), kinds, figures),
    tables: ({ figures }) => tablesOf(kinds, sections, figures),
    paper: ({ figures }) => paper?.(figures) ?? [],
  }
}

function outcomeOf(kinds: RateKinds, measured: Partial<Rounds>): Outcome<RateFigures> {
  const rounds: Record<string, RawRounds[string]> = {}
  for (const [name, { unit, most, better = most === undefined ? 'more' : 'less' }] of Object.entries(kinds)) {
    const values = measured[name]
    if (values && values.length > 0) rounds[name] = { unit, better, values }
  }
  const figures = Object.fromEntries(Object.entries(rounds).map(([name, { values }]) => [name, median(values)]))
  return { rounds, figures }
}

function tablesOf(kinds: RateKinds, titles: Readonly<Record<string, string>>, figures: RateFigures): Table[] {
  return sectionsOf(kinds, figures).map(section => ({
    caption: titles[section] ?? section,
    head: ['figure', 'median', 'ratio', 'of', 'to reach'],
    rows: Object.entries(kinds).flatMap(([name, kind]) => (kind.section === section ? rowsOf(name, kind, figures) : [])),
  }))
}

function sectionsOf(kinds: RateKinds, figures: RateFigures): string[] {
  return [...new Set(known(kinds, figures).map(name => kinds[name]!.section))]
}

function namesOf(kinds: RateKinds, figures: RateFigures, section: string): string[] {
  return known(kinds, figures).filter(name => kinds[name]!.section === section)
}

/** Results may be of another version, with figures that there are no more. */
function known(kinds: RateKinds, figures: RateFigures): string[] {
  return Object.keys(kinds).filter(name => figures[name] !== undefined)
}

function rowsOf(name: string, { unit, targets = [], most, absent }: RateKind, figures: RateFigures): string[][] {
  const figure = figures[name]
  if (figure === undefined) return absent === undefined ? [] : [[name, absent, '', '', '']]
  const value = `${shown(figure)} ${unit}`
  if (most !== undefined) return [[name, value, '', '', verdict(`at most ${most}`, figure <= most)]]
  const shares = targets.map(({ of, least }) => {
    const bases = of.map(base => figures[base]).filter(base => base !== undefined)
    if (bases.length === 0) return ['', of.join(', '), unheld(`at least ${least}`)]
    const ratio = figure / Math.max(...bases)
    return [share(ratio), of.join(', '), verdict(`at least ${least}`, ratio >= least)]
  })
  const [first = ['', '', ''], ...others] = shares
  return [[name, value, ...first], ...others.map(cells => ['', '', ...cells])]
}

function shown(value: number): string {
  return value >= 100 ? whole(value) : value.toFixed(2)
}

function plotsOf(file: string, caption: string, names: readonly string[], kinds: RateKinds, figures: RateFigures): Plot[] {
  if (names.length === 0) return []
  const bars = names.map(group => ({ group, series: caption, y: figures[group]! }))
  return [{ name: file, caption, spec: barPlot({ title: caption, bars, y: kinds[names[0]!]!.unit }) }]
}
