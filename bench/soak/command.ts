import { readFileSync, writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { StoreClient } from '../../client/index.ts'
import { LocalCluster } from '../../cluster/index.ts'
import { countFrom } from '../count.ts'
import { positive } from '../experiments/options.ts'
import { endProgress, showProgress } from '../progress.ts'
import { work } from './load.ts'
import { plot } from './plot.ts'
import { judge, type Sample } from './verdict.ts'

interface Options {
  readonly minutes: number
  readonly workers: number
  readonly report?: string
  readonly json?: boolean
}

const SAMPLE_SECONDS = 5

export function addSoak(program: Command): void {
  program
    .command('soak')
    .description('a steady mixed load for minutes: whether latency and resident memory stay level')
    .option('--minutes <number>', 'how long', positive, 10)
    .option('--workers <number>', 'how many do one operation after the other', countFrom(1), 8)
    .option('--report <file>', 'an SVG of latency and memory over time')
    .option('--json', 'print one JSON object and nothing else')
    .action(soak)
}

async function soak({ minutes, workers, report, json }: Options): Promise<void> {
  await using cluster = await LocalCluster.start({ capacity: '256MiB', slots: workers, threads: 2 })
  await using store = await StoreClient.connect(cluster.address)
  const stop = new AbortController()
  const latencies: number[] = []
  const failed: unknown[] = []
  const running = Array.from({ length: workers }, (_, worker) =>
    work(store, worker, stop.signal, took => latencies.push(took)).catch((error: unknown) => {
      failed.push(error)
      stop.abort()
    }),
  )
  const samples: Sample[] = []
  const start = performance.now()
  while (!stop.signal.aborted && (performance.now() - start) / 60_000 < minutes) {
    await new Promise(resolve => setTimeout(resolve, SAMPLE_SECONDS * 1_000))
    const sorted = latencies.splice(0).sort((a, b) => a - b)
    const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
    const residentMiB = Object.fromEntries(cluster.servers.map(({ role, pid }) => [role, residentOf(pid!)]))
    const seconds = (performance.now() - start) / 1_000
    const sample = { seconds, operations: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), residentMiB }
    samples.push({ ...sample, residentMiB: { ...residentMiB, client: residentOf(process.pid) } })
    showProgress(`${seconds.toFixed(0)} s: p50 ${sample.p50Ms.toFixed(2)} ms, p99 ${sample.p99Ms.toFixed(2)} ms`)
  }
  stop.abort()
  await Promise.all(running)
  endProgress()
  if (failed.length > 0) throw failed[0]
  const verdict = judge(samples)
  if (report !== undefined) writeFileSync(report, await plot(samples))
  if (json) console.log(JSON.stringify({ soak: { minutes, workers, ...verdict, samples } }))
  else print(samples, verdict.flat ? 'flat' : `rising: ${verdict.rising.join('; ')}`)
  if (!verdict.flat) process.exitCode = 1
}

function residentOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

/** At most so many rows. */
const ROWS = 12

function print(samples: readonly Sample[], verdict: string): void {
  const names = Object.keys(samples[0]?.residentMiB ?? {})
  console.log(
    ['seconds', 'op/s', 'p50 ms', 'p99 ms', ...names.map(name => `${name} MiB`)].map(cell => cell.padStart(13)).join(''),
  )
  const step = Math.max(1, Math.ceil(samples.length / ROWS))
  for (const { seconds, operations, p50Ms, p99Ms, residentMiB } of samples.filter((_, at) => at % step === step - 1)) {
    const cells = [seconds.toFixed(0), (operations / SAMPLE_SECONDS).toFixed(0), p50Ms.toFixed(2), p99Ms.toFixed(2)]
    console.log([...cells, ...names.map(name => residentMiB[name]!.toFixed(0))].map(cell => cell.padStart(13)).join(''))
  }
  console.log(verdict)
}
