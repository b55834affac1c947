import { describe, expect, test } from 'vitest'
import { draw } from './all/draw.ts'
import { barPlot, linePlot, stackedPlot } from './plots.ts'

const title = 'What is drawn'
const groups = ['5 workers, no limit', '10 workers, 75 MB/s each', '10 workers, 25 MB/s each']
const series = ['data-shipping', 'near-data']

/** Texts of a drawing, in its order. */
function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text!)
}

/** Of every bar its part, and where its upper and its lower end are. */
function partsOf(svg: string): { part: string; top: number; bottom: number }[] {
  return [...svg.matchAll(/part: (\w+)[^"]*"[^>]* d="M[\d.]+,([\d.]+)h[\d.]+v([\d.]+)/g)].map(([, part, top, height]) => ({
    part: part!,
    top: Number(top),
    bottom: Number(top) + Number(height),
  }))
}

describe('a plot of stacked bars', () => {
  const bars = groups.flatMap(group =>
    series.flatMap(name => ['P1', 'P2'].map(part => ({ group, series: name, part, y: part === 'P1' ? 2 : 3 }))),
  )

  test('has its title, its axis with the unit, and its panels in the order of the data', async () => {
    const texts = textsOf(await draw(stackedPlot({ title, bars, y: 'time, s' })))
    expect(texts).toEqual(expect.arrayContaining([title, 'time, s', 'P1', 'P2', ...series]))
    expect(texts.filter(text => groups.includes(text))).toEqual(groups)
  })

  test('has what comes first at the bottom', async () => {
    const parts = partsOf(await draw(stackedPlot({ title, bars, y: 'time, s' })))
    expect(parts).toHaveLength(bars.length)
    const lowest = Math.max(...parts.map(({ bottom }) => bottom))
    for (const { part, bottom } of parts) expect(bottom).toBe(part === 'P1' ? lowest : lowest * 0.6)
  })
})

test('labels of groups are whole', async () => {
  const bars = groups.flatMap(group => series.map(name => ({ group, series: name, y: 1 })))
  const texts = textsOf(await draw(barPlot({ title, bars, y: 'bytes moved, MB' })))
  expect(texts).toEqual(expect.arrayContaining([title, 'bytes moved, MB', ...groups, ...series]))
  const single = textsOf(await draw(barPlot({ title, bars: groups.map(group => ({ group, series: 'one', y: 1 })), y: 'MB/s' })))
  expect(single).toEqual(expect.arrayContaining([title, ...groups]))
  expect(single).not.toContain('one')
})

test('a plot of lines has a panel for each direction, both axes named, and a legend', async () => {
  const points = ['write', 'read'].flatMap(panel => series.map(name => ({ panel, series: name, x: '1KiB', y: 1 })))
  const texts = textsOf(await draw(linePlot({ title, points, x: 'size', y: 'GB/s', order: ['1KiB'], panels: ['write', 'read'] })))
  expect(texts.filter(text => text === 'size')).toHaveLength(2)
  expect(texts).toEqual(expect.arrayContaining([title, 'GB/s', 'write', 'read', ...series]))
})
