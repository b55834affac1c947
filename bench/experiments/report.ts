import type { Comparison, WayFigures } from './figures.ts'

/** The figures of both ways beside each other. */
export function tableOf(name: string, { workers, workerBandwidth, dataShipping, nearData }: Comparison): string[] {
  const link = workerBandwidth === null ? 'no limit of bandwidth' : `${workerBandwidth} MB/s for each worker`
  const phases = (figures: WayFigures): string =>
    Object.entries(figures.phases)
      .map(([phase, seconds]) => `${phase} ${seconds.toFixed(2)}`)
      .join(', ')
  const row = (what: string, figure: (figures: WayFigures) => number | null, format: (value: number) => string): string => {
    const [shipped, near] = [figure(dataShipping), figure(nearData)]
    const shown = [shipped, near].map(value => (value === null ? '–' : format(value)).padStart(16)).join('')
    return `${what.padEnd(20)}${shown}${shipped === null || near === null ? '' : ratio(near, shipped)}`
  }
  return [
    `${name}: ${workers} workers, ${link}`,
    `${''.padEnd(20)}${'data-shipping'.padStart(16)}${'near-data'.padStart(16)}${'ratio'.padStart(9)}${'less by'.padStart(10)}`,
    row(
      'time',
      figures => figures.seconds,
      value => `${value.toFixed(3)} s`,
    ),
    row('bytes moved', figures => figures.bytesMoved, megabytes),
    row('bytes ingested', figures => figures.ingestedBytes, megabytes),
    row('stored at the peak', figures => figures.storedPeakBytes, megabytes),
    row(
      'CPU, all processes',
      figures => figures.cpuSeconds,
      value => `${value.toFixed(2)} s`,
    ),
    `phases: data-shipping ${phases(dataShipping)}; near-data ${phases(nearData)}`,
  ]
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e6 ? 3 : 1)} MB`
}

function ratio(near: number, shipped: number): string {
  if (shipped === 0) return ''
  const share = near / shipped
  return `${share.toFixed(3).padStart(9)}${`${(100 * (1 - share)).toFixed(share < 0.01 ? 3 : 1)} %`.padStart(10)}`
}
