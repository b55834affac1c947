import type { Experiment, Outcome, PaperLine, Plot, Table } from '../experiment.ts'
import { linePlot } from '../plots.ts'
import { type Direction, directions, kinds } from '../size/kinds.ts'
import { share, verdict, whole } from '../tables.ts'
import { defaults, runScale, type ScaleFigures } from './run.ts'

const LEAST_SHARE = 0.9

export const scaleExperiment: Experiment<ScaleFigures> = {
  name: 'scale',
  title: 'Parallel actions (Figure 5.7)',
  seconds: 85,
  run: ({ quick }, progress) =>
    runScale(
      quick ? { ...defaults, rounds: 2, roundBytes: 4 << 20, fileBytes: 1 << 20, clients: [1, 2], inProcess: true } : defaults,
      progress,
    ),
  plots: scalePlots,
  tables: scaleTables,
  paper: paperLines,
}

export function scaleTables({ figures }: Outcome<ScaleFigures>): Table[] {
  return directions.map(direction => ({
    caption: `${direction}, MB/s of all clients together, and seconds of CPU of all processes for each GB`,
    head: ['clients', 'files', 'actions', 'of the files', 'to reach', 'CPU, files', 'CPU, actions'],
    rows: pointsOf(figures[direction]).map(({ clients, file, action }) => [
      `${clients}`,
      whole(file),
      whole(action),
      share(action / file),
      verdict(`at least ${LEAST_SHARE}`, action / file >= LEAST_SHARE),
      figures.cpuSecondsPerGB[direction].file[clients]?.toFixed(2) ?? '',
      figures.cpuSecondsPerGB[direction].action[clients]?.toFixed(2) ?? '',
    ]),
  }))
}

function pointsOf({ file, action }: ScaleFigures[Direction]): { clients: number; file: number; action: number }[] {
  return Object.entries(file).map(([clients, speed]) => ({
    clients: Number(clients),
    file: speed,
    action: action[Number(clients)]!,
  }))
}

function scalePlots({ figures }: Outcome<ScaleFigures>): Plot[] {
  const points = directions.flatMap(direction =>
    kinds.flatMap(kind =>
      Object.entries(figures[direction][kind]).map(([x, speed]) => ({ panel: direction, series: `${kind}s`, x, y: speed / 1e3 })),
    ),
  )
  const caption = 'Figure 5.7: bandwidth of parallel files and actions together'
  const spec = linePlot({
    title: caption,
    points,
    x: 'clients, with a file or an action each',
    y: 'GB/s together',
    order: Object.keys(figures.write.file),
    panels: directions,
  })
  return [{ name: 'figure-5.7-scale', caption, spec }]
}

/** Four actions together beside one, of the paper's own implementation: tuned, on a machine like the one the figures are of. */
const ORIGINAL_FOUR_OF_ONE = { write: 1550 / 1990, read: 1200 / 1990 }

function paperLines({ figures }: Outcome<ScaleFigures>): PaperLine[] {
  return directions.flatMap(direction => {
    const points = pointsOf(figures[direction])
    const at = (count: number): number | undefined => points.find(({ clients }) => clients === count)?.action
    const beside = (count: number, base: number, paper: string): PaperLine[] => {
      const [more, fewer] = [at(count), at(base)]
      if (more === undefined || fewer === undefined) return []
      const what = `Figure 5.7: ${direction}, ${count} actions together beside ${base}`
      return [{ what, ours: share(more / fewer), paper }]
    }
    const original = `${share(ORIGINAL_FOUR_OF_ONE[direction])} (its implementation, tuned, on two cores)`
    return [...beside(4, 1, original), ...beside(8, 2, 'no fall from 2 to 8')]
  })
}
