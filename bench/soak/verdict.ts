/** One sample of a soak. */
export interface Sample {
  readonly seconds: number
  readonly operations: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Resident size by process. */
  readonly residentMiB: Readonly<Record<string, number>>
}

export interface Verdict {
  readonly flat: boolean
  /** What of it is not. */
  readonly rising: readonly string[]
}

/** From here on nothing may rise; a shorter run is judged by its second half. */
export const WARM_SECONDS = 120
/** What a process may grow by, of what it was and besides. */
const MEMORY_FACTOR = 1.1
const MEMORY_MIB = 8
const LATENCY_FACTOR = 1.5
const LATENCY_MS = 1

/** Compares the last third of what is judged with the first, by their medians. */
export function judge(samples: readonly Sample[]): Verdict {
  const end = samples.at(-1)?.seconds ?? 0
  const warm = Math.min(WARM_SECONDS, end / 2)
  const judged = samples.filter(({ seconds }) => seconds >= warm)
  const third = Math.max(1, Math.floor(judged.length / 3))
  const rising: string[] = []
  const compare = (name: string, of: (sample: Sample) => number, factor: number, more: number): void => {
    const first = median(judged.slice(0, third).map(of))
    const last = median(judged.slice(-third).map(of))
    if (last > first * factor + more) rising.push(`${name}: ${first.toFixed(1)} to ${last.toFixed(1)}`)
  }
  for (const name of Object.keys(samples[0]?.residentMiB ?? {})) {
    compare(`${name}, MiB resident`, ({ residentMiB }) => residentMiB[name]!, MEMORY_FACTOR, MEMORY_MIB)
  }
  compare('p50, ms', ({ p50Ms }) => p50Ms, LATENCY_FACTOR, LATENCY_MS)
  compare('p99, ms', ({ p99Ms }) => p99Ms, LATENCY_FACTOR, LATENCY_MS)
  return { flat: rising.length === 0, rising }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}
