import { formatSize } from '../../client/units.ts'
import { columns } from '../table.ts'
import type { DemoReport, JobFigures } from './demo.ts'
import type { WayFigures } from './meter.ts'

/** From here on moving and working take most of the time. */
const TELLING_BYTES = 32 << 20

/** One table for each job, for people. */
export function reportLines({ inputBytes, workers, reducers, verified, wordcount, sort }: DemoReport): string[] {
  const small = 'With so little text the seconds tell what it takes to begin, and nothing of speed: try --size 64MiB, or more.'
  return [
    '',
    `${formatSize(inputBytes)} of text, ${workers} map workers, ${reducers} reducers`,
    '',
    ...jobTable('Word count', wordcount),
    '',
    ...jobTable('Sort', sort),
    '',
    verified
      ? 'Both ways gave the same answers, and they are those of an independent count and sort.'
      : 'NOT VERIFIED: the answers are not those of an independent count and sort.',
    ...(inputBytes < TELLING_BYTES ? [small] : []),
  ]
}

function jobTable(title: string, { dataShipping, nearData }: JobFigures): string[] {
  const phases = [...new Set([...Object.keys(dataShipping.phases), ...Object.keys(nearData.phases)])]
  const amount = (name: string, of: (figures: WayFigures) => number, show: (value: number) => string): string[] => {
    const [shipped, near] = [of(dataShipping), of(nearData)]
    return [name, show(shipped), show(near), shipped > 0 ? (near / shipped).toFixed(2) : '-']
  }
  const seconds = (figures: WayFigures, phase: string): string => figures.phases[phase]?.toFixed(2) ?? '-'
  return columns(
    [
      [title, 'data-shipping', 'near-data', 'ratio'],
      amount(
        'seconds',
        figures => figures.seconds,
        value => value.toFixed(2),
      ),
      ...phases.map(phase => [`  ${phase}`, seconds(dataShipping, phase), seconds(nearData, phase), '']),
      amount('workers to store', figures => figures.bytesToStore, formatSize),
      amount('store to workers', figures => figures.bytesFromStore, formatSize),
      amount('moved in all', figures => figures.bytesMoved, formatSize),
      amount('transfers', figures => figures.transfers, String),
      amount('intermediate data stored at the peak', figures => figures.storedPeakBytes, formatSize),
    ],
    [1, 2, 3],
  )
}
