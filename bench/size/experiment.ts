import type { Experiment, Outcome, PaperLine, Plot, Table } from '../experiment.ts'
import { linePlot } from '../plots.ts'
import { share, verdict, whole } from '../tables.ts'
import { sizeName } from './figures.ts'
import { directions, kinds } from './kinds.ts'
import { defaults, ratios, runSize, type SizeFigures } from './run.ts'

/** From this size on an action is to be as fast as a file. */
const LEAST_BYTES = 16 << 10
const LEAST_SHARE = 0.89

export const sizeExperiment: Experiment<SizeFigures> = {
  name: 'size',
  title: 'Sizes of operations (Figure 5.6)',
  seconds: 110,
  run: ({ quick }, progress) =>
    runSize(
      quick ? { rounds: 2, roundBytes: 1 << 20, fileBytes: 1 << 20, opSizes: [1 << 10, 1 << 20], inProcess: true } : defaults,
      progress,
    ),
  plots: sizePlots,
  tables: sizeTables,
  paper: paperLines,
}

export function sizeTables({ figures }: Outcome<SizeFigures>): Table[] {
  return directions.map(direction => {
    const { file, action } = figures[direction]
    return {
      caption: `${direction}, MB/s of one file and one action (and operations in flight)`,
      head: [direction, 'file', 'action', 'of the file', 'to reach'],
      rows: ratios(figures[direction]).map(({ size, opBytes, ratio }, at) => [
        size,
        `${whole(file[at]!.MBps)} (${file[at]!.batch})`,
        `${whole(action[at]!.MBps)} (${action[at]!.batch})`,
        share(ratio),
        opBytes >= LEAST_BYTES ? verdict(`at least ${LEAST_SHARE}`, ratio >= LEAST_SHARE) : '',
      ]),
    }
  })
}

function sizePlots({ figures }: Outcome<SizeFigures>): Plot[] {
  const points = directions.flatMap(direction =>
    kinds.flatMap(kind =>
      figures[direction][kind].map(({ opBytes, MBps }) => ({
        panel: direction,
        series: kind,
        x: sizeName(opBytes),
        y: MBps / 1e3,
      })),
    ),
  )
  const sizes = figures.write.file.map(({ opBytes }) => sizeName(opBytes))
  const caption = 'Figure 5.6: bandwidth of one file and one action by the size of operations'
  const spec = linePlot({ title: caption, points, x: 'size of an operation', y: 'GB/s', order: sizes, panels: directions })
  return [{ name: 'figure-5.6-size', caption, spec }]
}

function paperLines({ figures }: Outcome<SizeFigures>): PaperLine[] {
  return directions.map(direction => {
    const all = ratios(figures[direction]).filter(({ opBytes }) => opBytes >= LEAST_BYTES)
    const least = all.reduce((one, other) => (other.ratio < one.ratio ? other : one))
    return {
      what: `Figure 5.6: ${direction} of an action beside a file, from 16 KiB on, the worst size`,
      ours: `${share(least.ratio)} of the file (${least.size})`,
      paper: 'within 11 % of the file',
    }
  })
}
