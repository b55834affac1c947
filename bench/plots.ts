/** Plots in the paper's layout, as specifications for vega-lite. */
import type { TopLevelSpec } from 'vega-lite'

const WIDTH = 320
const HEIGHT = 200
/** Of a bar with the room beside it, and of a letter of a label. */
const BAR_WIDTH = 60
const LETTER_WIDTH = 7
const config = { view: { stroke: null }, font: 'sans-serif', range: { category: ['#7f7f7f', '#d95f02', '#1b9e77', '#7570b3'] } }
const background = 'white'

interface LinePoint {
  readonly panel: string
  readonly series: string
  readonly x: string
  readonly y: number
}

export interface Lines {
  readonly title: string
  readonly points: readonly LinePoint[]
  /** Titles of the axes. */
  readonly x: string
  readonly y: string
  readonly order: readonly string[]
  readonly panels: readonly string[]
}

/** A panel for each direction beside each other, in each a line for each series. */
export function linePlot({ title, points, x, y, order, panels }: Lines): TopLevelSpec {
  return {
    title,
    background,
    config,
    data: { values: [...points] },
    facet: { column: { field: 'panel', type: 'nominal', title: null, sort: [...panels] } },
    spec: {
      width: WIDTH,
      height: HEIGHT,
      mark: { type: 'line', point: true },
      encoding: {
        x: { field: 'x', type: 'ordinal', title: x, sort: [...order], axis: { labelAngle: 0 } },
        y: { field: 'y', type: 'quantitative', title: y, scale: { zero: true } },
        color: { field: 'series', type: 'nominal', title: null, sort: null },
        shape: { field: 'series', type: 'nominal', title: null, sort: null },
      },
    },
  }
}

interface Bar {
  readonly group: string
  readonly series: string
  readonly y: number
  /** Parts of one bar, one above the other. */
  readonly part?: string
}

export interface Bars {
  readonly title: string
  readonly bars: readonly Bar[]
  readonly y: string
}

/** Groups of bars beside each other, a colour for each series. */
export function barPlot({ title, bars, y }: Bars): TopLevelSpec {
  const groups = new Set(bars.map(({ group }) => group))
  const seriesCount = new Set(bars.map(({ series }) => series)).size
  const isOneSeries = seriesCount === 1
  // Labels that are not tilted need their room.
  const longest = isOneSeries ? 0 : Math.max(...[...groups].map(group => group.length))
  return {
    title,
    background,
    config,
    width: Math.max(WIDTH, groups.size * Math.max(BAR_WIDTH * seriesCount, LETTER_WIDTH * longest)),
    height: HEIGHT,
    data: { values: [...bars] },
    mark: 'bar',
    encoding: {
      x: { field: 'group', type: 'nominal', title: null, sort: null, axis: { labelAngle: isOneSeries ? -30 : 0, labelLimit: 0 } },
      y: { field: 'y', type: 'quantitative', title: y },
      ...(!isOneSeries && {
        xOffset: { field: 'series', type: 'nominal', sort: null },
        color: { field: 'series', type: 'nominal', title: null, sort: null },
      }),
    },
  }
}

/** As `barPlot`, but every bar is made of parts, the first at the bottom: a panel for each group, in each a bar for each series. */
export function stackedPlot({ title, bars, y }: Bars): TopLevelSpec {
  const parts = [...new Set(bars.map(({ part }) => part))]
  return {
    title,
    background,
    config,
    data: { values: bars.map(bar => ({ ...bar, level: parts.indexOf(bar.part) })) },
    // Of their own accord panels come in the order of the alphabet, with 10 before 5.
    facet: { column: { field: 'group', type: 'nominal', title: null, sort: [...new Set(bars.map(({ group }) => group))] } },
    spec: {
      width: 160,
      height: HEIGHT,
      mark: 'bar',
      encoding: {
        x: { field: 'series', type: 'nominal', title: null, sort: null, axis: { labelAngle: 0 } },
        y: { field: 'y', type: 'quantitative', title: y },
        color: { field: 'part', type: 'nominal', title: null, sort: null },
        order: { field: 'level', type: 'ordinal', sort: 'ascending' },
      },
    },
  }
}
