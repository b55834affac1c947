import { StoreClient } from '../../client/index.ts'
import { LocalCluster } from '../../cluster/index.ts'
import { type Outcome, type Progress, type RawRounds, samplesOf } from '../experiment.ts'
import { PeerProcess } from '../peer-process.ts'
import { type Figure, interleaved, median, medians } from '../rounds.ts'
import { fire, type Load } from './fire.ts'

const bareServer = new URL('./bare-server.js', import.meta.url)

export interface HttpOptions {
  readonly rounds: number
  /** Of each figure in a round. */
  readonly requests: number
  readonly connections: number
  readonly inProcess?: boolean
}

export const defaults: HttpOptions = { rounds: 5, requests: 10_000, connections: 64 }

export const faces = ['bare', 'healthzMetadata', 'healthzStorage', 'healthzActive', 'restLookup', 'restCreate'] as const
export type Face = (typeof faces)[number]

export interface HttpFigure {
  readonly requestsPerSecond: number
  readonly p99Ms: number
}

export type HttpFigures = Readonly<Record<Face, HttpFigure>>

export async function runHttp(
  { rounds, requests, connections, inProcess = false }: HttpOptions,
  progress: Progress,
): Promise<Outcome<HttpFigures>> {
  await using cluster = await LocalCluster.start({ capacity: '16MiB', threads: 1, inProcess })
  await using store = await StoreClient.connect(cluster.address)
  await store.create('/rest', 'directory')
  await store.create('/looked-up', 'file')
  using bare = await PeerProcess.start(bareServer, 0)
  const urls = { bare: `http://127.0.0.1:${bare.port}/`, ...urlsOf(cluster) }
  const latencies: Record<string, number[]> = {}
  const figure = (name: Face): Figure => ({
    name,
    amount: requests,
    async work() {
      const p99 = await fire({ url: urls[name], requests, connections, body: bodies[name] })
      latencies[name] = [...(latencies[name] ?? []), p99]
    },
  })
  const results = await interleaved(faces.map(figure), rounds, progress)
  const rates = medians(results)
  // The first one warms up.
  const counted = (name: Face): number[] => latencies[name]!.slice(1)
  const latencyRounds: RawRounds = Object.fromEntries(
    faces.map(name => [`${name} p99`, { unit: 'ms', better: 'less', values: counted(name) }] as const),
  )
  const figures = Object.fromEntries(
    faces.map(name => [name, { requestsPerSecond: Math.round(rates[name]!), p99Ms: median(counted(name)) }]),
  ) as HttpFigures
  return { rounds: { ...samplesOf(results, 'requests/s'), ...latencyRounds }, figures }
}

let created = 0
const bodies: Partial<Record<Face, NonNullable<Load['body']>>> = {
  restLookup: () => ({ path: '/looked-up' }),
  restCreate: () => ({ path: `/rest/f${created++}`, type: 'file' }),
}

function urlsOf(cluster: LocalCluster): Record<Exclude<Face, 'bare'>, string> {
  const healthz = (role: string): string => {
    const server = cluster.servers.find(one => one.role === role)
    if (!server) throw new Error(`the cluster has no ${role} server`)
    return `http://${server.address}/healthz`
  }
  return {
    healthzMetadata: healthz('metadata'),
    healthzStorage: healthz('storage'),
    healthzActive: healthz('active'),
    restLookup: `${cluster.address}/v1/lookup`,
    restCreate: `${cluster.address}/v1/create`,
  }
}
