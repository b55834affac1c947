import type { Experiment, Outcome, Plot, Table } from '../experiment.ts'
import { barPlot } from '../plots.ts'
import { share, whole } from '../tables.ts'
import { defaults, type Face, faces, type HttpFigures, runHttp } from './run.ts'

const names: Readonly<Record<Face, string>> = {
  bare: 'bare HTTP server',
  healthzMetadata: 'healthz, metadata',
  healthzStorage: 'healthz, storage',
  healthzActive: 'healthz, active',
  restLookup: 'REST lookup',
  restCreate: 'REST create',
}

export const httpExperiment: Experiment<HttpFigures> = {
  name: 'http',
  title: 'HTTP faces',
  seconds: 35,
  run: ({ quick }, progress) =>
    runHttp(quick ? { rounds: 1, requests: 50, connections: 8, inProcess: true } : defaults, progress),
  plots: httpPlots,
  tables: httpTables,
  paper: () => [],
}

export function httpTables({ figures }: Outcome<HttpFigures>): Table[] {
  const base = figures.bare.requestsPerSecond
  return [
    {
      caption: 'requests per second by autocannon, beside a bare HTTP server, and the latency of 99 of 100',
      head: ['face', 'requests/s', 'of bare', 'p99 ms'],
      rows: faces.map(face => {
        const { requestsPerSecond, p99Ms } = figures[face]
        return [names[face], whole(requestsPerSecond), face === 'bare' ? '' : share(requestsPerSecond / base), `${p99Ms}`]
      }),
    },
  ]
}

function httpPlots({ figures }: Outcome<HttpFigures>): Plot[] {
  const bars = faces.map(face => ({ group: names[face], series: 'requests', y: figures[face].requestsPerSecond / 1e3 }))
  const caption = 'HTTP faces under autocannon'
  return [{ name: 'http', caption, spec: barPlot({ title: caption, bars, y: 'thousand requests/s' }) }]
}
