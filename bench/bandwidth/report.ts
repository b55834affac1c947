/** What a run has found, as JSON and as a table. */
import { median } from '../rounds.ts'
import { unheld, verdict } from '../tables.ts'
import { type FigureKind, type FigureName, figureKinds, type Section, sections } from './figures.ts'
import type { Measured } from './stage.ts'

const kinds: Readonly<Record<string, FigureKind>> = figureKinds

/** The median of each figure; null for what was not measured. */
export function mediansOf(measured: Measured): Record<FigureName, number | null> {
  const all = Object.keys(figureKinds).map(name => {
    const rounds = measured[name as FigureName]
    return [name, rounds && rounds.length > 0 ? median(rounds) : null]
  })
  return Object.fromEntries(all) as Record<FigureName, number | null>
}

/** The form of `--json`: whole numbers where they are large, two digits behind the point where they are not. */
export function jsonOf(medians: Readonly<Record<string, number | null>>): Record<string, number | null> {
  return Object.fromEntries(Object.entries(medians).map(([name, value]) => [name, value === null ? null : rounded(value)]))
}

function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Math.round(value * 100) / 100
}

/** One line for each figure that was asked for, and one more for each further thing that it is held against. */
export function tableOf(medians: Readonly<Record<string, number | null>>, only: readonly Section[]): string[] {
  const lines: string[] = []
  let section: Section | undefined
  for (const [name, kind] of Object.entries(kinds)) {
    if (!only.includes(kind.section)) continue
    if (kind.section !== section) {
      if (lines.length > 0) lines.push('')
      section = kind.section
      lines.push(row(sections[section], '', 'ratio', 'of', 'to reach'))
    }
    lines.push(...linesOf(name, kind, medians))
  }
  return lines
}

function linesOf(name: string, kind: FigureKind, medians: Readonly<Record<string, number | null>>): string[] {
  const value = medians[name] ?? null
  if (value === null) return [row(name, kind.absent ?? 'not measured')]
  const shown = `${value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2)} ${kind.unit}`
  if (kind.most !== undefined) return [row(name, shown, '', '', verdict(`at most ${kind.most}`, value <= kind.most))]
  const lines = (kind.targets ?? []).map(({ of, least }) => {
    const bases = of.map(base => medians[base] ?? null).filter(base => base !== null)
    if (bases.length === 0) return ['', of.join(', '), unheld(`at least ${least}`)] as const
    const ratio = value / Math.max(...bases)
    return [ratio.toFixed(2), of.join(', '), verdict(`at least ${least}`, ratio >= least)] as const
  })
  const [first = ['', '', ''], ...others] = lines
  return [row(name, shown, ...first), ...others.map(line => row('', '', ...line))]
}

function row(name: string, value: string, ratio = '', of = '', target = ''): string {
  // A title takes the room of the value as well.
  const begin = value === '' && name !== '' ? name.padEnd(46) : `${name.padEnd(24)}${value.padStart(22)}`
  return `${begin}${ratio.padStart(8)}  ${of.padEnd(26)}${target}`.trimEnd()
}
