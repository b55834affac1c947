import type { TopLevelSpec } from 'vega-lite'
import { draw } from '../all/draw.ts'
import type { Sample } from './verdict.ts'

const WIDTH = 480
const HEIGHT = 180

/** Latency above resident memory, over the time of the run. */
export function plot(samples: readonly Sample[]): Promise<string> {
  const latency = samples.flatMap(({ seconds, p50Ms, p99Ms }) => [
    { minutes: seconds / 60, series: 'p50', value: p50Ms },
    { minutes: seconds / 60, series: 'p99', value: p99Ms },
  ])
  const memory = samples.flatMap(({ seconds, residentMiB }) =>
    Object.entries(residentMiB).map(([series, value]) => ({ minutes: seconds / 60, series, value })),
  )
  const panel = (values: readonly object[], title: string): object => ({
    width: WIDTH,
    height: HEIGHT,
    data: { values },
    mark: 'line',
    encoding: {
      x: { field: 'minutes', type: 'quantitative', title: 'minutes' },
      y: { field: 'value', type: 'quantitative', title, scale: { zero: true } },
      color: { field: 'series', type: 'nominal', title: null, sort: null },
    },
  })
  const spec = {
    background: 'white',
    resolve: { scale: { color: 'independent' } },
    vconcat: [panel(latency, 'latency, ms'), panel(memory, 'resident, MiB')],
  } as TopLevelSpec
  return draw(spec)
}
