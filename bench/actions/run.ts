import { StoreClient } from '../../client/index.ts'
import { LocalCluster } from '../../cluster/index.ts'
import { EchoClient } from '../echo.ts'
import type { Progress } from '../experiment.ts'
import { interleaved, type Rounds } from '../rounds.ts'
import { FILE_BYTES, mergeFigures, parallelFigures, prepare, smallFigures, transferFigures } from './figures.ts'

const MIB = 1 << 20
const THREADS = 4

export interface ActionsOptions {
  readonly rounds: number
  /** What each figure moves in a round, in MiB. */
  readonly amount: number
  /** Small streams in a round. */
  readonly streams: number
}

export const defaults: ActionsOptions = { rounds: 5, amount: 512, streams: 50_000 }

export async function runActions({ rounds, amount, streams }: ActionsOptions, progress: Progress): Promise<{ rounds: Rounds }> {
  await using cluster = await LocalCluster.start({ capacity: FILE_BYTES, threads: THREADS })
  await using store = await StoreClient.connect(cluster.address)
  const echo = await EchoClient.connect(new URL(cluster.address).host)
  try {
    const stage = await prepare(store, echo, THREADS)
    const bytes = amount * MIB
    const figures = [
      ...transferFigures(stage, bytes),
      ...parallelFigures(stage, bytes),
      ...smallFigures(stage, streams),
      ...mergeFigures(stage, bytes / 4),
    ]
    return { rounds: await interleaved(figures, rounds, progress) }
  } finally {
    echo.close()
  }
}
